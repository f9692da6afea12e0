"""gunicorn's own settings that this worker refuses, or ignores."""

from typing import Any

from gunicorn.config import Config

# Settings of gunicorn's HTTP parser, which is not used here, or of other workers.
WITHOUT_EFFECT = (
    "threads",
    "limit_request_line",  # 8 KB
    "limit_request_fields",  # 100
    "limit_request_field_size",  # all of them together: 32 KB
    "forwarded_allow_ips",  # TRUSTED_PROXIES
    "secure_scheme_headers",
    "forwarder_headers",
    "header_map",
    "root_path",
    "pre_request",
    "post_request",
    "sendfile",
)
REFUSED = {
    "is_ssl": "certfile, keyfile: TLS ends in the balancer in front",
    "proxy_protocol": "proxy_protocol: let the balancer send X-Forwarded-For",
}


def refusal(cfg: Any) -> str | None:
    """Why this worker cannot serve with these settings; None: it can."""
    for name, why in REFUSED.items():
        if getattr(cfg, name) and getattr(cfg, name) != "off":
            return why
    return None


def without_effect(cfg: Any) -> list[str]:
    """The settings that were given, and change nothing."""
    usual = Config()  # as gunicorn reads its defaults
    return [name for name in WITHOUT_EFFECT if getattr(cfg, name) != getattr(usual, name)]
