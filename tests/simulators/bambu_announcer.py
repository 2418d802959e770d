"""What a printer calls out on UDP: a NOTIFY in the form of SSDP, with bare values."""

import socket
from typing import Any

TYPE = "urn:bambulab-com:device:3dprinter:1"


def datagram(simulator: Any, *, host: str | None = None, alive: bool = True) -> bytes:
    """Return the announcement of a simulated printer."""
    rows = {
        "Host": "239.255.255.250:1990",
        "Server": "UPnP/1.0",
        "Location": host or simulator.host,
        "NT": TYPE,
        "NTS": "ssdp:alive" if alive else "ssdp:byebye",
        "USN": simulator.serial,
        "Cache-Control": "max-age=1800",
        "DevModel.bambu.com": simulator.profile.code,
        "DevName.bambu.com": simulator.machine.name,
        "DevSignal.bambu.com": "-44",
        "DevConnect.bambu.com": "lan",
        "DevBind.bambu.com": "free",
        "Devseclink.bambu.com": "secure",
        "DevVersion.bambu.com": simulator.profile.firmware,
        "DevCap.bambu.com": "1",
    }
    lines = ["NOTIFY * HTTP/1.1", *(f"{key}: {value}" for key, value in rows.items()), "", ""]
    return "\r\n".join(lines).encode()


def announce(simulator: Any, port: int, **settings: Any) -> None:
    """Send one announcement to a port of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.sendto(datagram(simulator, **settings), ("127.0.0.1", port))
