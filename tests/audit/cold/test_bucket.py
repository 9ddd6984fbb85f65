"""Cold storage in an S3-compatible bucket, over HTTP, on a server that the tests start: the same as in a directory."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from school_app.audit.cold import files
from school_app.audit.cold.cooling import Limits
from school_app.audit.cold.models import ColdStatus
from school_app.audit.cold.restoring import Restoring
from school_app.audit.cold.source import Files
from school_app.audit.cold.store import Bucket, ColdUnavailable
from school_app.audit.sources import Tables
from school_app.audit.verify import verify
from school_app.config import ColdSettings
from tests.audit.cold.kept import archive, cooled, everywhere, hashes_in_tables, listed, old_rows, years_ago

SERVER = Path(__file__).parents[3] / ".cache/s3/bin/moto_server"
KEYS = {"region": "eu-central-1", "access_key": "a-key", "secret_key": "a-secret"}
pytestmark = pytest.mark.skipif(not SERVER.exists(), reason="make .cache/s3/.installed fetches the S3 server")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of a private S3 server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(SERVER), "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            yield _answers(f"http://127.0.0.1:{port}")
        finally:
            server.terminate()


def _answers(address: str) -> str:
    for _ in range(300):
        try:
            urlopen(address, timeout=1).close()
            return address
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the S3 server does not answer")


@pytest.fixture
def bucket(endpoint: str, request: pytest.FixtureRequest) -> Bucket:
    """A bucket of its own, in which cold storage has a folder."""
    name = f"b{abs(hash(request.node.name))}"
    urlopen(Request(f"{endpoint}/{name}", method="PUT"), timeout=10).close()
    return Bucket(ColdSettings(bucket=f"{name}/audit", endpoint=endpoint, **KEYS))


@pytest.fixture
def old(at_work: Any, owners: list[int | None]) -> Any:
    """A year of two schools and the platform in the archive."""
    archive(at_work, old_rows(years_ago(3), owners))
    return at_work


def test_years_go_to_a_bucket_are_verified_there_and_come_back(old: Any, bucket: Any) -> None:
    before = everywhere(old, bucket)
    run = cooled(old, bucket)
    assert (run.moved, run.problems) == (24, [])
    assert {one.status for one in listed(old)} == {ColdStatus.KEPT}
    assert everywhere(old, bucket) == before
    steps = verify(old, [Tables(old), Files(old, bucket)])
    assert [one for step in steps for one in step.differences if one.day.year == years_ago(3)] == []
    back = Restoring(old, bucket, years_ago(3), "a test", batch=3)
    for _ in back.steps():
        old.flush()
    assert back.moved == 24
    assert sorted(hashes_in_tables(old)) == before
    assert cooled(old, bucket, Limits(again=True)).moved == 24


def test_an_object_appears_whole_or_not_at_all_and_is_never_written_over(bucket: Any) -> None:
    def broken_off() -> None:
        with bucket.create("year=2020/half.parquet") as stream:
            stream.write(b"x" * 100)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken_off()
    assert (bucket.has("year=2020/half.parquet"), list(bucket.paths())) == (False, [])
    with bucket.create("year=2020/whole.parquet") as stream:
        stream.write(b"whole")
    with pytest.raises(FileExistsError), bucket.create("year=2020/whole.parquet"):
        pass
    assert list(bucket.paths()) == ["year=2020/whole.parquet"]
    with bucket.open("year=2020/whole.parquet") as stream:
        assert stream.read() == b"whole"
    bucket.remove("year=2020/whole.parquet")
    bucket.remove("year=2020/whole.parquet")
    with pytest.raises(ColdUnavailable, match="does not hold"):
        bucket.open("year=2020/whole.parquet")


def test_an_object_that_was_changed_or_is_gone_is_found(old: Any, bucket: Any, endpoint: str) -> None:
    cooled(old, bucket)
    first, second = listed(old)[:2]
    key = f"{endpoint}/{bucket._key(first.path)}"
    urlopen(Request(key, data=b"PAR1 and nothing PAR1", method="PUT"), timeout=10).close()
    bucket.remove(second.path)
    for one in (first, second):
        with pytest.raises(files.DamagedFile):
            files.check(bucket, one.path, (one.sha256, one.bytes))
    steps = verify(old, [Tables(old), Files(old, bucket)])
    wrong = {one.school_id for step in steps for one in step.differences if one.day.year == years_ago(3)}
    assert wrong == {first.school_id, second.school_id}


def test_a_bucket_that_is_not_there_is_unavailable_and_nothing_is_struck(old: Any, endpoint: str) -> None:
    nowhere = Bucket(ColdSettings(bucket="nothing-here", endpoint=endpoint, **KEYS))
    with pytest.raises(HTTPError):
        urlopen(f"{endpoint}/nothing-here", timeout=5).close()
    with pytest.raises((ColdUnavailable, OSError)):
        cooled(old, nowhere)  # type: ignore[arg-type]
    assert listed(old) == []


def test_a_bucket_that_is_not_there_is_named_with_what_to_look_at(endpoint: str, old: Any) -> None:
    nowhere = Bucket(ColdSettings(bucket="no-such-bucket/audit", endpoint=endpoint, **KEYS))
    before = hashes_in_tables(old)
    with pytest.raises(ColdUnavailable, match=r"the bucket s3://no-such-bucket/audit\. Is there such a bucket"):
        cooled(old, nowhere)
    assert (hashes_in_tables(old), listed(old)) == (before, [])
