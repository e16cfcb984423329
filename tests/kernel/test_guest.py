"""The guest sees the host's folders, but for those it has itself."""

from pathlib import Path

import pytest

from tests.kernel import x86
from tests.kernel.packages import UnavailableError


def test_a_checkout_where_the_guest_cannot_see_it_is_said() -> None:
    x86.check_seen(Path("/home/me/tvfs-gym"), Path("/tmpfs"))
    for folder in ("/tmp/tvfs-gym", "/run/user/1000/tvfs-gym"):
        with pytest.raises(UnavailableError, match=f"cannot see {folder}, .* clone, .* elsewhere"):
            x86.check_seen(Path("/usr"), Path(folder))
