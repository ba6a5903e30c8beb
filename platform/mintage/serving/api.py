"""The HTTP API, version 1: what models there are, and rows of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response, StreamingResponse
from starlette.exceptions import HTTPException

from mintage._version import __version__
from mintage.errors import MintageError, SpecError
from mintage.serving.answers import ErrorAnswer, ModelAnswer, ModelsAnswer, StateAnswer
from mintage.serving.describing import describe
from mintage.serving.drawing import Drawing, plan_drawing
from mintage.serving.measuring import Measures
from mintage.serving.models import ServedModel
from mintage.serving.problems import Refusal, refusal_of
from mintage.serving.sampler import Sampler, new_seed
from mintage.serving.turns import Turns
from mintage.serving.wire import ARROW, ENCODERS, JSON_LINES, Encoder, choose_form
from mintage.spec import SampleAsk, nearest
from mintage.spec._json import parse_json
from mintage.spec.serving import ServingSpec
from mintage.telemetry import span

_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": what}
    for status, what in {
        401: "No bearer token that is known here.",
        404: "No such model.",
        406: "None of the accepted media types can be sent.",
        413: "The body is too large.",
        422: "The request, or a condition in it, cannot be met; also more rows than are allowed.",
        429: "Too many requests wait; Retry-After says for how long to stay away.",
        503: "Not now: out of time, or the store of a model does not answer.",
    }.items()
}


@dataclass(slots=True, kw_only=True)
class Replica:
    """What a process that answers holds."""

    spec: ServingSpec
    models: Mapping[str, ServedModel]
    sampler: Sampler
    turns: Turns
    measures: Measures

    def model(self, name: str) -> ServedModel:
        """The model of that name; refuses with 404."""
        if name not in self.models:
            raise Refusal(404, "SpecError", f"there is no model {name[:100]!r}", nearest(name, self.models))
        return self.models[name]

    def most_rows(self, served: ServedModel) -> int:
        """Rows that one request for this model may ask for."""
        return served.spec.rows or self.spec.limits.rows


def make_api(replica: Replica) -> FastAPI:
    """The application that answers; whoever puts it behind a `Gate` decides who may ask."""
    api = _Api(title="Mintage", version=__version__, docs_url=None, redoc_url=None)
    for kind in (MintageError, HTTPException, Exception):
        api.add_exception_handler(kind, _refuse)
    _add_state(api, replica)
    _add_models(api, replica)
    _add_sample(api, replica)
    return api


async def _refuse(request: Request, error: Exception) -> Response:
    """Any error as JSON, those of the web framework too."""
    del request
    if isinstance(error, HTTPException):
        refusal = Refusal(error.status_code, "HTTPError", str(error.detail), "see /openapi.json")
    else:
        refusal = refusal_of(error)
    return Response(refusal.body(), refusal.status, refusal.all_headers())


class _Api(FastAPI):
    """OpenAPI with the body of a request for rows, which is read by Mintage's own rules."""

    def openapi(self) -> dict[str, Any]:
        if not self.openapi_schema:
            schema = get_openapi(title=self.title, version=self.version, routes=self.routes)
            asked = SampleAsk.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
            schema["components"]["schemas"] |= asked.pop("$defs", {}) | {"SampleAsk": asked}
            schema["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
            self.openapi_schema = schema
        return self.openapi_schema


def _add_state(api: FastAPI, replica: Replica) -> None:
    @api.get("/healthz", tags=["state"])
    async def healthz() -> dict[str, str]:
        """Whether the process answers."""
        return {"status": "ok"}

    @api.get("/readyz", tags=["state"])
    async def readyz() -> StateAnswer:
        """Whether the models are loaded; a replica is asked only when they are."""
        turns = replica.turns
        return StateAnswer(
            ready=True, models=len(replica.models), answering=turns.answering, waiting=turns.waiting
        )


def _add_models(api: FastAPI, replica: Replica) -> None:
    responses: dict[int | str, dict[str, Any]] = {status: _REFUSALS[status] for status in (401, 404)}
    security: dict[str, Any] = {"security": [{"bearer": []}] if replica.spec.asks_for_tokens else []}

    @api.get("/v1/models", tags=["models"], responses={401: _REFUSALS[401]}, openapi_extra=security)
    async def models() -> ModelsAnswer:
        """The models that are served."""
        found = replica.models.values()
        return ModelsAnswer(models=[describe(served, replica.most_rows(served)) for served in found])

    @api.get("/v1/models/{name}", tags=["models"], responses=responses, openapi_extra=security)
    async def model(name: str) -> ModelAnswer:
        """A model: its tables, the conditions that it takes, and where it comes from."""
        served = replica.model(name)
        return describe(served, replica.most_rows(served))


def _add_sample(api: FastAPI, replica: Replica) -> None:
    body = {"application/json": {"schema": {"$ref": "#/components/schemas/SampleAsk"}}}
    extra: dict[str, Any] = {
        "requestBody": {"required": True, "content": body},
        "security": [{"bearer": []}] if replica.spec.asks_for_tokens else [],
    }
    sent = {form: {"schema": {"type": "string", "format": "binary"}} for form in (ARROW, JSON_LINES)}
    responses = {**_REFUSALS, 200: {"content": sent, "description": "The rows, and their headers."}}

    @api.post(
        "/v1/models/{name}/sample",
        tags=["rows"],
        responses=responses,
        response_class=Response,
        openapi_extra=extra,
    )
    async def sample(name: str, request: Request) -> StreamingResponse:
        """Rows of a model, as an Arrow IPC stream or JSON lines, by the header Accept."""
        served = replica.model(name)
        form = choose_form(request.headers.get("accept", ""))
        if form is None:
            accepted = request.headers.get("accept", "")[:200]
            raise Refusal(406, "SpecError", f"{accepted!r} cannot be sent", f"accept {ARROW} or {JSON_LINES}")
        ask = read_ask(await request.body(), replica.most_rows(served))
        with span("serve", {"mintage.model": name, "mintage.rows": ask.rows}):
            return await _answer(replica, served, ask, form)


def read_ask(body: bytes, most_rows: int) -> SampleAsk:
    """The request in a body. Raises `SpecError`, and refuses with 400 what is no JSON text."""
    try:
        value = parse_json(body.decode("utf-8"))
    except UnicodeDecodeError as exc:
        raise Refusal(400, "SpecError", f"the body is not UTF-8: {exc.reason}", "send JSON") from exc
    except MintageError as exc:
        raise Refusal(400, "SpecError", f"the body is no JSON: {exc.message}", exc.hint) from exc
    ask = SampleAsk.model_validate(value)
    if ask.rows > most_rows:
        raise SpecError(
            f"rows: a request may ask for {most_rows} rows at most, got {ask.rows}",
            "ask for them in several requests, or run a job: that is what makes data sets",
        )
    return ask


async def _answer(replica: Replica, served: ServedModel, ask: SampleAsk, form: str) -> StreamingResponse:
    """The answer with its first rows made: what goes wrong until then has a status of its own."""
    drawing = plan_drawing(served, ask, new_seed() if ask.seed is None else ask.seed)
    schema = _schema(served, drawing)
    headers = _headers(served, ask, drawing)
    mark = {**served.plan.mark, "model": served.plan.model.digest, "seed": str(drawing.seed)}
    if ask.seed is None and replica.sampler.joins(drawing, root=served.plan.schema.root):
        share = await replica.sampler.share(served, drawing)
        headers |= {"mintage-seed": str(share.seed)}
        mark["seed"] = str(share.seed)
        if share.total > drawing.rows:
            headers["mintage-slice"] = f"{share.start}-{share.start + drawing.rows}/{share.total}"
        made = _of_table(share.rows)
    else:
        made = replica.sampler.batches(served, drawing)
    parts = _encoded(made, ENCODERS[form](schema, mark), drawing)
    first = await anext(parts, b"")
    replica.measures.rows(served.name, drawing.rows)
    return StreamingResponse(_after(first, parts), media_type=form, headers=headers)


async def _of_table(rows: pa.Table) -> AsyncIterator[pa.RecordBatch]:
    for batch in rows.to_batches():
        yield batch


async def _encoded(
    made: AsyncIterator[pa.RecordBatch], encoder: Encoder, drawing: Drawing
) -> AsyncIterator[bytes]:
    async for batch in made:
        yield encoder.batch(batch.select(list(drawing.columns)))
    if end := encoder.end():
        yield end


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in rest:
        yield part


def _schema(served: ServedModel, drawing: Drawing) -> pa.Schema:
    tables = served.stored if drawing.validate else served.plan.schema
    whole = tables.table(drawing.table).arrow()
    return pa.schema([whole.field(name) for name in drawing.columns])


def _headers(served: ServedModel, ask: SampleAsk, drawing: Drawing) -> dict[str, str]:
    """What an answer says of its rows, beside them."""
    headers = {
        "mintage-synthetic": "true",
        "mintage-model": served.plan.model.digest,
        "mintage-run-id": served.plan.run_id,
        "mintage-statement": served.pin.statement,
        "mintage-seed": str(drawing.seed),
        "cache-control": "no-store",
    }
    if drawing.table == served.plan.schema.root:
        headers["mintage-rows"] = str(ask.rows)
    return headers
