"""Are the kernel's numbers right? Each one that the headers of this machine know is compared with them, by the C compiler."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from holdfast.netlink import uapi
from holdfast.netlink.uapi import bridge, kinds, link, route

HEADERS = """
#include <stdio.h>
#include <stddef.h>
#include <sys/socket.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/if_link.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_bridge.h>
#include <linux/if_tunnel.h>
#include <linux/if_vlan.h>
#include <linux/neighbour.h>
#include <linux/fib_rules.h>
#include <linux/nexthop.h>
#include <linux/lwtunnel.h>
#include <linux/mpls_iptunnel.h>
#include <linux/seg6_iptunnel.h>
#include <linux/seg6_local.h>
#include <linux/rpl_iptunnel.h>
#include <linux/ioam6_iptunnel.h>
#include <linux/pkt_sched.h>
#include <linux/gen_stats.h>
#include <linux/net_namespace.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/devlink.h>
#include <linux/veth.h>
"""

def everything() -> dict[str, int]:
    return {
        f"{prefix}_{name}": value
        for module in (route, link, kinds, bridge)
        for prefix, text in module.WORDS.items()
        for name, value in uapi._parse(text).items()
    }


@pytest.fixture(scope="module")
def headers(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, int], dict[str, int]]:
    """What the compiler makes of our words: (word → number), and the sizes of the header structs. Unknown words are absent."""
    if not shutil.which("gcc"):
        pytest.skip("no C compiler to read the kernel's headers with")
    if not Path("/usr/include/linux/rtnetlink.h").exists():
        pytest.skip("no kernel headers under /usr/include/linux")
    place = tmp_path_factory.mktemp("uapi")
    wanted = dict.fromkeys(everything(), True)
    structs = [name for name in uapi.HEADERS if name != "nlmsghdr"]
    for _ in range(3):
        source = place / "words.c"
        lines = [f'printf("{name} %lld\\n", (long long) {name});' for name, keep in wanted.items() if keep]
        lines += [f'printf("struct:{name} %zu\\n", sizeof(struct {name}));' for name in structs]
        source.write_text(HEADERS + "int main(void) {\n" + "\n".join(lines) + "\nreturn 0; }\n")
        made = subprocess.run(
            ["gcc", "-fmax-errors=0", "-o", place / "words", source],
            check=False, capture_output=True, text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        if made.returncode == 0:
            break
        wanted |= dict.fromkeys(re.findall(r"error: '(\w+)' undeclared", made.stderr), False)
    else:
        pytest.fail(f"the test's program does not compile: {made.stderr[:2000]}")
    found: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for line in subprocess.run([place / "words"], capture_output=True, text=True, check=True).stdout.splitlines():
        name, _, value = line.partition(" ")
        if name.startswith("struct:"):
            sizes[name.removeprefix("struct:")] = int(value)
        else:
            found[name] = int(value)
    return found, sizes


def test_numbers_are_those_of_the_headers(headers: tuple[dict[str, int], dict[str, int]]) -> None:
    known, _ = headers
    ours = everything()
    wrong = {name: (ours[name], value) for name, value in known.items() if ours[name] != value & 0xFFFFFFFF}
    assert not wrong


def test_the_headers_know_nearly_all_words(headers: tuple[dict[str, int], dict[str, int]]) -> None:
    """A misspelt word would be unknown to every header: those that are must be declared as coming with a later kernel."""
    known, _ = headers
    later = set()
    for module in (route, link, kinds, bridge):
        for prefix, text in module.WORDS.items():
            marked = False
            for part in text.split():
                marked = marked or part.startswith("+")
                if marked and not part.startswith("+"):
                    later.add(f"{prefix}_{part.partition('=')[0]}")
    unknown = {name for name in everything() if name not in known}
    assert unknown <= later


def test_header_structs_have_the_kernels_size(headers: tuple[dict[str, int], dict[str, int]]) -> None:
    _, sizes = headers
    ours = {name: (struct.calcsize("=" + uapi.HEADERS[name][0]) + 3) & ~3 for name in sizes}
    assert {name: (size + 3) & ~3 for name, size in sizes.items()} == ours


def test_members_fit_the_formats() -> None:
    for name, (format_, members) in uapi.HEADERS.items():
        assert len(members) == sum(code != "x" for code in format_), name


def test_both_directions() -> None:
    assert uapi.number("RTA_DST") == 1
    assert uapi.word("RTA", 1) == "RTA_DST"
    assert uapi.word("IFLA_VF", 1) == "IFLA_VF_MAC"  # shares its number with IFLA_VF_INFO, which stands behind
    assert uapi.words("NUD")[0x80] == "NUD_PERMANENT"
    with pytest.raises(KeyError):
        uapi.number("RTA_NONE_SUCH")
    with pytest.raises(KeyError):
        uapi.word("RTA", 9999)
    with pytest.raises(KeyError):
        uapi.words("NONE_SUCH")


def test_no_word_is_declared_twice() -> None:
    seen: set[str] = set()
    for module in (route, link, kinds, bridge):
        for prefix, text in module.WORDS.items():
            for name in uapi._parse(text):
                assert f"{prefix}_{name}" not in seen
                seen.add(f"{prefix}_{name}")
