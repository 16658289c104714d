"""Where the files of a plain tar file lie, so that they are read in place."""

import re
import tarfile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

MAX_MEMBER_BYTES = 1 << 30  # of a file in a tar file, which is read as a whole


class Member(NamedTuple):
    """A file in a tar file."""

    name: str  # without folders
    offset: int  # of its first byte
    num_bytes: int


def list_tar(path: Path, wanted: re.Pattern[str] | None = None) -> list[Member]:
    """The files of a tar file in their order; nothing is unpacked, and no content is read.

    With `wanted`, links and the like are looked at only if it matches their names.

    Raises:
        ValueError: it is no plain tar file, is cut short, or has a member that is no plain file of at
            most `MAX_MEMBER_BYTES` below the archive.
    """
    size = path.stat().st_size
    try:
        with tarfile.open(path, "r:") as archive:
            members = [member for member in archive if _counts(member, wanted)]
            end = archive.offset  # of what follows the last member
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:  # the last for wild offsets
        raise ValueError(
            f"{path} is cut short, broken or no plain tar file ({error}): get it anew, or unpack it if"
            " it is compressed"
        ) from None
    for member in members:
        _check_member(path, member)
        if member.offset_data + member.size > size:
            raise ValueError(f"{path} is cut short: {member.name} ends beyond its {size:,} bytes")
    # Python accepts a tar file that ends between two members; a whole one ends with an empty block.
    with path.open("rb") as stream:
        stream.seek(end)
        if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise ValueError(f"{path} is cut short: no end mark after {len(members):,} files")
    return [Member(PurePosixPath(m.name).name, m.offset_data, m.size) for m in members]


def _counts(member: tarfile.TarInfo, wanted: re.Pattern[str] | None) -> bool:
    if wanted is None:
        return not member.isdir()
    return member.isfile() or bool(wanted.fullmatch(PurePosixPath(member.name).name))


def _check_member(path: Path, member: tarfile.TarInfo) -> None:
    inside = PurePosixPath(member.name)
    problem = ""
    if inside.is_absolute() or ".." in inside.parts:
        problem = "a name outside of the archive"
    elif not member.isfile() or member.issparse():
        problem = "a link, a device or a file with holes"
    elif member.size > MAX_MEMBER_BYTES:
        problem = f"a file of {member.size:,} bytes, allowed are {MAX_MEMBER_BYTES:,}"
    if problem:
        raise ValueError(f"{path} holds {problem} ({member.name!r:.80}); get it anew")
