"""The provisioning CD that Azure attaches to a new virtual machine: ovf-env.xml with custom data.

Shape: canonical/cloud-init, sources/azure; Azure/WALinuxAgent, tests/data/ovf-env.xml.
"""

import base64
import tempfile
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from tests.bench.commands import run
from tests.bench.errors import BenchError

USER: Final = "azureuser"
# of the decoded custom data; Azure's limit
LIMIT_BYTES: Final = 65_535
_OVF: Final = """\
<?xml version="1.0" encoding="utf-8"?>
<ns0:Environment xmlns:ns0="http://schemas.dmtf.org/ovf/environment/1"
 xmlns:ns1="http://schemas.microsoft.com/windowsazure"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<ns1:ProvisioningSection>
<ns1:Version>1.0</ns1:Version>
<ns1:LinuxProvisioningConfigurationSet>
<ns1:ConfigurationSetType>LinuxProvisioningConfiguration</ns1:ConfigurationSetType>
<ns1:UserName>{user}</ns1:UserName>
<ns1:DisableSshPasswordAuthentication>true</ns1:DisableSshPasswordAuthentication>
<ns1:HostName>{hostname}</ns1:HostName>
{custom_data}</ns1:LinuxProvisioningConfigurationSet>
</ns1:ProvisioningSection>
<ns1:PlatformSettingsSection>
<ns1:Version>1.0</ns1:Version>
<ns1:PlatformSettings>
<ns1:KmsServerHostname>azkms.core.windows.net</ns1:KmsServerHostname>
<ns1:ProvisionGuestAgent>false</ns1:ProvisionGuestAgent>
<ns1:GuestAgentPackageName xsi:nil="true" />
<ns1:PreprovisionedVm>false</ns1:PreprovisionedVm>
</ns1:PlatformSettings>
</ns1:PlatformSettingsSection>
</ns0:Environment>
"""


def ovf_env(*, hostname: str, custom_data: bytes) -> str:
    """Return the text of ovf-env.xml.

    Raises:
        BenchError: the custom data exceeds Azure's limit.
    """
    if len(custom_data) > LIMIT_BYTES:
        msg = f"custom data has {len(custom_data)} bytes; Azure's limit is {LIMIT_BYTES}"
        raise BenchError(msg)
    encoded = base64.b64encode(custom_data).decode()
    element = f"<ns1:CustomData>{encoded}</ns1:CustomData>\n" if custom_data else ""
    return _OVF.format(user=USER, hostname=escape(hostname), custom_data=element)


def write_cd(path: Path, *, hostname: str, custom_data: bytes) -> None:
    """Write the CD image (UDF).

    Raises:
        BenchError: too much custom data, or genisoimage failed.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".cd-") as name:
        text = ovf_env(hostname=hostname, custom_data=custom_data)
        Path(name, "ovf-env.xml").write_text(text)
        flags = ("-quiet", "-udf", "-input-charset", "utf-8", "-volid", "rd_rdfe")
        run("genisoimage", *flags, "-output", str(path), name)
