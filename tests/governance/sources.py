"""A cluster and a registry of our own, on a port, that answer as the real ones do."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

TOKEN = "sa-token-of-the-cluster"


class Server:
    """Answers GET by `answer`, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.raw: tuple[int, bytes] | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                parts = urlsplit(self.path)
                query = {k: v[0] for k, v in parse_qs(parts.query).items()}
                given = self.headers.get("Authorization") == f"Bearer {TOKEN}"
                status, body = outer.raw or (
                    outer.answer(parts.path, query) if given else (401, b"{}")
                )
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, bytes]:
        raise NotImplementedError

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _json(value: object, status: int = 200) -> tuple[int, bytes]:
    return status, json.dumps(value).encode()


class Cluster(Server):
    """An API server with KServe; `page` objects on each page of a list."""

    def __init__(self, page: int = 200) -> None:
        super().__init__()
        self.services: list[dict] = []
        self.page = page

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, bytes]:
        group, _slash, plural = path.rpartition("/")
        if "llminferenceservices" in path or "serving.kserve.io/v1beta1" not in group:
            status = {"kind": "Status", "status": "Failure", "code": 404}
            return _json(status, 404)
        namespace = group.partition("/namespaces/")[2]
        rows = [
            one
            for one in self.services
            if namespace in ("", one["metadata"]["namespace"])
        ]
        begin = int(query.get("continue", "0"))
        size = min(self.page, int(query["limit"]))
        more = str(begin + size) if begin + size < len(rows) else ""
        return _json(
            {
                "kind": "InferenceServiceList",
                "apiVersion": "serving.kserve.io/v1beta1",
                "metadata": {"resourceVersion": "7", "continue": more},
                "items": rows[begin : begin + size],
            }
        )


class Registry(Server):
    """MLflow's REST API, with its aliases: {(model, alias): version}."""

    def __init__(self) -> None:
        super().__init__()
        self.aliases: dict[tuple[str, str], str] = {}
        self.versions: dict[tuple[str, str], dict] = {}

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, bytes]:
        if path == "/version":
            return 200, b"3.17.2"
        if path.endswith("/registered-models/search"):
            return _json(self._models(query))
        if path.endswith("/model-versions/get"):
            name, version = query["name"], query["version"]
            found = {"name": name, "version": version, "status": "READY"}
            known = self.versions.get((name, version), {})
            return _json({"model_version": found | known})
        return _json({"error_code": "ENDPOINT_NOT_FOUND"}, 404)

    def _models(self, query: dict[str, str]) -> dict:
        names = sorted({name for name, _alias in self.aliases})
        begin = int(query.get("page_token", "0"))
        if begin >= len(names):
            return {}
        aliases = [
            {"alias": alias, "version": version}
            for (name, alias), version in self.aliases.items()
            if name == names[begin]
        ]
        model = {"name": names[begin], "aliases": aliases}
        more = str(begin + 1) if begin + 1 < len(names) else ""
        return {"registered_models": [model], "next_page_token": more}
