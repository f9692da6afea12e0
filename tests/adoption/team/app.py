"""A parcel service: its own models, events, rooms and people; Ordercast is three lines of it."""

from typing import Any

from flask import Flask, request
from flask_socketio import SocketIO, emit, join_room, leave_room
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from ordercast import Event, Identity, Ordercast, Refuse


class Base(DeclarativeBase):
    """The team's models."""


db, socketio, cast = SQLAlchemy(model_class=Base), SocketIO(), Ordercast()


class Parcel(Base):
    __tablename__ = "parcels"

    id: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[str]


class ParcelMoved(Event):
    event = "parcel:moved"

    id: str
    place: str


@cast.identify
def driver(auth: Any, _environ: dict[str, Any]) -> Identity | None:
    name = auth.get("driver") if isinstance(auth, dict) else None
    if name == "mallory":
        raise Refuse("No such driver", code="unknown_driver")
    return Identity(name, rooms=(f"driver:{name}",)) if name else None


@cast.step(seconds=0.5)
def find_parcels() -> bool:
    """In the worker."""
    lost = db.session.query(Parcel).filter_by(place="lost").first()
    if lost is None:
        return False
    lost.place = "found"
    cast.append(db.session, ParcelMoved(id=lost.id, place="found"), to="depot:lost")
    db.session.commit()
    return True


@socketio.on("connect")
def connect(auth: Any = None) -> bool:
    if not isinstance(auth, dict):
        return False
    if depot := auth.get("depot"):
        join_room(f"depot:{depot}")
    return True


@socketio.on("depot:join")
def join(depot: str) -> str | None:
    join_room(f"depot:{depot}")
    return cast.identity.user_id if cast.identity else None


@socketio.on("depot:leave")
def leave(depot: str) -> None:
    leave_room(f"depot:{depot}")


@socketio.on("ping:me")
def answer(text: str) -> str:
    emit("pong:you", text)
    return text.upper()


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    db.init_app(app)
    cast.init_app(app, socketio, engine=lambda: db.engine, events=[ParcelMoved])
    with app.app_context():
        db.create_all()

    @app.post("/depots/<depot>/parcels/<id>/<place>")
    def move(depot: str, id: str, place: str) -> dict[str, str]:
        db.session.merge(Parcel(id=id, place=place))
        rooms = [f"depot:{depot}", *(f"driver:{name}" for name in request.args.getlist("driver"))]
        to = rooms if len(rooms) > 1 else rooms[0]
        cast.append(db.session, ParcelMoved(id=id, place=place), to=to, key=f"parcel:{id}")
        if place == "nowhere":
            db.session.rollback()
        else:
            db.session.commit()
        return {"place": place}

    @app.post("/depots/<depot>/scans/<id>")
    def scan(depot: str, id: str) -> dict[str, str]:
        # A durable event with an id, and two as Flask-SocketIO emits.
        cast.emit(ParcelMoved(id=id, place="scanned"), to=f"depot:{depot}", id=f"scan-{id}")
        socketio.emit("parcel:moved", {"id": id, "place": "in room"}, to=f"depot:{depot}")
        socketio.emit("parcel:moved", {"id": id, "place": "to all"})
        return {"id": id}

    @app.get("/drivers/<name>/missed/<int:after>")
    def missed(name: str, after: int) -> dict[str, Any]:
        found = cast.missed([f"driver:{name}", "depot:north"], after=after)
        events = [event["data"] for event in found.events]
        return {"events": events, "complete": found.complete}

    return app
