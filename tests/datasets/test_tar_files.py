import io
import tarfile

import pytest

from ovsam.datasets.tar_files import list_tar


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "n01440764.tar"
    with tarfile.open(path, "w") as opened:
        for name, content in (("b.JPEG", b"12345"), ("a.JPEG", b"x" * 600)):
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return path


def test_places_are_those_of_the_bytes(archive):
    members = list_tar(archive)
    content = archive.read_bytes()
    assert [m.name for m in members] == ["b.JPEG", "a.JPEG"]
    assert content[members[0].offset :][: members[0].num_bytes] == b"12345"
    assert content[members[1].offset :][: members[1].num_bytes] == b"x" * 600


@pytest.mark.parametrize("size", [100, 512 + 3, 1024, 1024 + 512 + 100, 1024 + 512 + 1024])
def test_a_cut_file_is_refused(archive, size):
    archive.write_bytes(archive.read_bytes()[:size])
    with pytest.raises(ValueError, match="cut short"):
        list_tar(archive)


def test_no_tar_file(archive):
    archive.write_bytes(b"\x1f\x8b" + bytes(2000))
    with pytest.raises(ValueError, match="no plain tar file"):
        list_tar(archive)


@pytest.mark.parametrize(
    ("name", "kind"), [("../x.JPEG", None), ("/x.JPEG", None), ("x.JPEG", tarfile.SYMTYPE)]
)
def test_what_no_release_has_is_refused(tmp_path, name, kind):
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as opened:
        member = tarfile.TarInfo(name)
        member.type = kind or tarfile.REGTYPE
        opened.addfile(member)
    with pytest.raises(ValueError, match=r"x\.tar holds"):
        list_tar(path)
