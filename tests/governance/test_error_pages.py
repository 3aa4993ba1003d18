"""The page that people see when something of ours breaks."""

from django.test import Client


def test_a_defect_is_told_in_the_readers_language_without_a_database():
    # This test may not use the database: neither may the page that tells so.
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "x" * 32
    answer = client.get("/models/", headers={"accept-language": "de"})
    page = answer.content.decode()
    assert answer.status_code == 500
    assert '<html lang="de">' in page
    assert "ganz festgehalten oder gar nicht" in page
    assert " UTC." in page
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
