"""Ordercast: durable events for Flask-SocketIO. What was committed reaches every client, once, in
order, through every restart.

    cast = Ordercast()
    cast.init_app(app, socketio, engine=lambda: db.engine)
    cast.append(session, "parcel:moved", {"id": "7"}, to="user:7")

The public names below are loaded when they are used: an import of this package loads no Flask, and
an external script that uses only `Inbox` never does.

Reading order:
    settings.py  errors.py  events.py        settings, errors, and the events that a team declares
    identity.py  tokens.py  revocation/      the user of a connection, and what refuses it
    schemas.py  typescript.py  asyncapi.py   what a client's programmer reads about these events
    database/        the team's database, through its own engine
    migrations/      the library's tables in it
    journal/         events commit with the change, then get their position
    inbox/           events that external processes send
    emits/           events outside of any transaction
    live/            the connected clients, and how the journal's events reach them
    transport/       HTTP, Engine.IO and WebSockets, without the rest of the library
    worker/          sequencing, the inbox, the service's own steps
    ledger/          what each process writes about its connections
    trace/           what happened to an event, by the journal and the ledger
    service.py       puts the parts of one application together; extension.py is their public face,
                     operating.py the part for those who run it
    endings.py       how connections end
    serving.py       gunicorn's settings                gunicorn.py   as a configuration file
    health.py        the checks of /readyz              doctor/   those of an operator's command
    testing/         for an application's own tests     captures.py   what sends tells them
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ordercast.asyncapi import asyncapi_document as asyncapi_document
    from ordercast.claims import MAX_SUBJECT_CHARACTERS as MAX_SUBJECT_CHARACTERS
    from ordercast.claims import MAX_TOKEN_ID_CHARACTERS as MAX_TOKEN_ID_CHARACTERS
    from ordercast.claims import TOKEN_ISSUER as TOKEN_ISSUER
    from ordercast.claims import TokenKind as TokenKind
    from ordercast.claims import claim_at as claim_at
    from ordercast.claims import put_claim as put_claim
    from ordercast.commands import Command as Command
    from ordercast.commands import CommandGroup as CommandGroup
    from ordercast.commands import fail as fail
    from ordercast.complaints import complaints_of as complaints_of
    from ordercast.complaints import sentence_of as sentence_of
    from ordercast.database import Outage as Outage
    from ordercast.database import engine_options as engine_options
    from ordercast.database import explain as explain
    from ordercast.database import harden as harden
    from ordercast.database import outage as outage
    from ordercast.database import upsert as upsert
    from ordercast.database.types import BigId as BigId
    from ordercast.database.types import UtcDateTime as UtcDateTime
    from ordercast.doctor.finding import Doubtful as Doubtful
    from ordercast.doctor.finding import Examination as Examination
    from ordercast.doctor.finding import Finding as Finding
    from ordercast.doctor.finding import Level as Level
    from ordercast.doctor.finding import Unhealthy as Unhealthy
    from ordercast.doctor.printing import Report as Report
    from ordercast.errors import AuthenticationRequired as AuthenticationRequired
    from ordercast.errors import InboxUnavailable as InboxUnavailable
    from ordercast.errors import InvalidEvent as InvalidEvent
    from ordercast.errors import KeysUnavailable as KeysUnavailable
    from ordercast.errors import LedgerUnavailable as LedgerUnavailable
    from ordercast.errors import OrdercastError as OrdercastError
    from ordercast.errors import Refuse as Refuse
    from ordercast.errors import Refused as Refused
    from ordercast.errors import TokenError as TokenError
    from ordercast.errors import TokenExpired as TokenExpired
    from ordercast.errors import TokenInvalid as TokenInvalid
    from ordercast.errors import TokenRevoked as TokenRevoked
    from ordercast.events import Event as Event
    from ordercast.events import Events as Events
    from ordercast.events import Wire as Wire
    from ordercast.extension import Ordercast as Ordercast
    from ordercast.health import Check as Check
    from ordercast.identity import Identity as Identity
    from ordercast.identity import TokenIdentity as TokenIdentity
    from ordercast.inbox.refusals import RefusalPage as RefusalPage
    from ordercast.inbox.refusals import Refusals as Refusals
    from ordercast.inbox.refusals import RefusedEntry as RefusedEntry
    from ordercast.inbox.sender import Inbox as Inbox
    from ordercast.journal import Entry as Entry
    from ordercast.journal import EventPage as EventPage
    from ordercast.journal import Head as Head
    from ordercast.journal import Missed as Missed
    from ordercast.journal import Pruned as Pruned
    from ordercast.ledger import ConnectionRecord as ConnectionRecord
    from ordercast.ledger import ProcessRecord as ProcessRecord
    from ordercast.live.census import Census as Census
    from ordercast.migrations import include_object as include_object
    from ordercast.monitoring.probes import Backlog as Backlog
    from ordercast.origins import Origins as Origins
    from ordercast.outage_filter import OutageFilter as OutageFilter
    from ordercast.proxies import TrustedProxies as TrustedProxies
    from ordercast.redaction import redacted as redacted
    from ordercast.request_ids import RequestIdFilter as RequestIdFilter
    from ordercast.request_ids import current_request_id as current_request_id
    from ordercast.revocation import Mark as Mark
    from ordercast.revocation import RevocationKind as RevocationKind
    from ordercast.revocation import RevocationStore as RevocationStore
    from ordercast.revocation import Rule as Rule
    from ordercast.revocation import issued_until as issued_until
    from ordercast.serving import gunicorn_options as gunicorn_options
    from ordercast.settings import ConfigError as ConfigError
    from ordercast.settings import Settings as Settings
    from ordercast.tokens import token_of as token_of
    from ordercast.trace import ConnectionPage as ConnectionPage
    from ordercast.trace import EventTrace as EventTrace
    from ordercast.trace import ProcessTrace as ProcessTrace
    from ordercast.trace import Progress as Progress
    from ordercast.trace import Receipt as Receipt
    from ordercast.trace import ReceiptState as ReceiptState
    from ordercast.trace import Trace as Trace
    from ordercast.trace import print_trace as print_trace

__version__ = "0.1.0"

_HOME = {  # public name: its module
    "AuthenticationRequired": "errors",
    "Backlog": "monitoring.probes",
    "BigId": "database.types",
    "Census": "live.census",
    "Check": "health",
    "Command": "commands",
    "CommandGroup": "commands",
    "ConfigError": "settings",
    "ConnectionPage": "trace",
    "ConnectionRecord": "ledger",
    "Doubtful": "doctor.finding",
    "Entry": "journal",
    "Event": "events",
    "EventPage": "journal",
    "EventTrace": "trace",
    "Events": "events",
    "Examination": "doctor.finding",
    "Finding": "doctor.finding",
    "Head": "journal",
    "Identity": "identity",
    "Inbox": "inbox.sender",
    "InboxUnavailable": "errors",
    "InvalidEvent": "errors",
    "KeysUnavailable": "errors",
    "LedgerUnavailable": "errors",
    "Level": "doctor.finding",
    "MAX_SUBJECT_CHARACTERS": "claims",
    "MAX_TOKEN_ID_CHARACTERS": "claims",
    "Mark": "revocation",
    "Missed": "journal",
    "Ordercast": "extension",
    "OrdercastError": "errors",
    "Origins": "origins",
    "Outage": "database",
    "OutageFilter": "outage_filter",
    "ProcessRecord": "ledger",
    "ProcessTrace": "trace",
    "Progress": "trace",
    "Pruned": "journal",
    "Receipt": "trace",
    "ReceiptState": "trace",
    "Refuse": "errors",
    "RefusalPage": "inbox.refusals",
    "Refusals": "inbox.refusals",
    "Refused": "errors",
    "RefusedEntry": "inbox.refusals",
    "Report": "doctor.printing",
    "RequestIdFilter": "request_ids",
    "RevocationKind": "revocation",
    "RevocationStore": "revocation",
    "Rule": "revocation",
    "Settings": "settings",
    "TOKEN_ISSUER": "claims",
    "TokenError": "errors",
    "TokenExpired": "errors",
    "TokenIdentity": "identity",
    "TokenInvalid": "errors",
    "TokenKind": "claims",
    "TokenRevoked": "errors",
    "Trace": "trace",
    "TrustedProxies": "proxies",
    "Unhealthy": "doctor.finding",
    "UtcDateTime": "database.types",
    "Wire": "events",
    "asyncapi_document": "asyncapi",
    "claim_at": "claims",
    "complaints_of": "complaints",
    "current_request_id": "request_ids",
    "engine_options": "database",
    "explain": "database",
    "fail": "commands",
    "gunicorn_options": "serving",
    "harden": "database",
    "include_object": "migrations",
    "issued_until": "revocation",
    "outage": "database",
    "print_trace": "trace",
    "put_claim": "claims",
    "redacted": "redaction",
    "sentence_of": "complaints",
    "token_of": "tokens",
    "upsert": "database",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
