"""Clients of the API, each with a token of its own."""

import io

from django.test import Client

PROBLEM = "application/problem+json"


class Caller:
    """A client with a token."""

    def __init__(self, secret: str, **options) -> None:
        headers = {"Authorization": f"Bearer {secret}"}
        self.client = Client(headers=headers, **options)

    def get(self, path: str, **headers: str):
        return self.client.get(f"/api/v1/{path}", headers=headers)

    def post(self, path: str, body: object, **headers: str):
        return self.client.post(
            f"/api/v1/{path}", body, content_type="application/json", headers=headers
        )

    def patch(self, path: str, body: object, **headers: str):
        return self.client.patch(
            f"/api/v1/{path}", body, content_type="application/json", headers=headers
        )

    def upload(self, path: str, content: bytes, name: str = "model.txt", **data: str):
        file = io.BytesIO(content)
        file.name = name
        return self.client.post(f"/api/v1/{path}", {"file": file, **data})


def pointers(answer) -> list[str]:
    """Where the fields are that a problem names."""
    assert answer.headers["Content-Type"] == PROBLEM, answer.content
    return [e["pointer"] for e in answer.json()["errors"]]
