// Runs in the gateway's container: approves the device of the pairing request `given.request`.
// With the shared token, a direct loopback connection needs no device identity for that.
const socket = new WebSocket("ws://127.0.0.1:18789");
const client = { id: "gateway-client", version: "1.0.0", platform: "linux", mode: "backend" };
const hello = {
  minProtocol: 4,
  maxProtocol: 4,
  client,
  role: "operator",
  scopes: ["operator.admin", "operator.pairing"],
  auth: { token: given.token },
};
const end = (code, what) => {
  console.log(what);
  process.exit(code);
};
const ask = (id, method, params) =>
  socket.send(JSON.stringify({ type: "req", id, method, params }));

socket.onerror = (event) => end(1, event.message);
socket.onclose = (event) => end(1, `closed: ${event.code} ${event.reason}`);
socket.onmessage = ({ data }) => {
  const frame = JSON.parse(data);
  if (frame.event === "connect.challenge") ask("hello", "connect", hello);
  if (frame.type !== "res") return;
  if (!frame.ok) end(1, data);
  if (frame.id === "hello") ask("approve", "device.pair.approve", { requestId: given.request });
  else end(0, "approved");
};
