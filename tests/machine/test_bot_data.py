"""Bot data that a client on the internet stores."""

from tests.support.bot import Bot
from tests.support.inside import check_databases, connect
from tests.support.openclaw_client import Device, OpenClaw, lost


def test_texts_and_devices_survive_kill_9(bot: Bot) -> None:
    client = OpenClaw(f"http://{bot.bench.address}", bot.token, Device())
    assert connect(client, bot.bench.exec, token=bot.token), "an unapproved device was accepted"
    before = check_databases(bot.bench.exec)
    texts = [f"text {number}" for number in range(50)]
    for text in texts:
        client.remember(text)
    bot.sh("kill -9 $(pgrep -oP $(docker inspect -f '{{.State.Pid}}' openclaw-gateway))")
    client.close()
    assert not connect(client, bot.bench.exec, token=bot.token), "the device's approval is lost"
    assert lost(texts, client.recall()) == []
    client.close()
    after = check_databases(bot.bench.exec)
    assert after.damaged == {}
    assert after.identity == before.identity != ""
