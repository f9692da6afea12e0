"""The tables of accounts."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, BigId, UtcDateTime, now
from app.roles import Role as Role


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)  # as addresses.compared
    name: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(16))
    password_hash: Mapped[str] = mapped_column(String(255))  # argon2id, RFC 9106
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # None: not disabled


class LoginSession(Base):
    """A login and its family of refresh tokens, of which one is valid at a time."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    refresh_jti: Mapped[str] = mapped_column(String(36))  # of the valid refresh token
    previous_jti: Mapped[str | None] = mapped_column(String(36))  # of the token exchanged last
    issued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # time of that exchange
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


DISABLED = "disabled"  # the state of an account, in the place of its role


class LoginAttempts(Base):
    """Failed logins of one address on one account in a window of a minute."""

    __tablename__ = "login_attempts"

    address: Mapped[str] = mapped_column(String(64), primary_key=True)
    email: Mapped[str] = mapped_column(String(254), primary_key=True)
    window_start: Mapped[int] = mapped_column(Integer)  # seconds since 1970
    count: Mapped[int] = mapped_column(Integer)

    __table_args__ = (Index("ix_login_attempts_window_start", "window_start"),)
