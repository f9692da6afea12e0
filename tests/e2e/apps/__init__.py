"""Apps of teams that know Flask-SocketIO alone, but for the line with Ordercast: with
WITH_ORDERCAST=0 they are stock, for bench/unchanged.py."""

import os

WITH_ORDERCAST = os.environ.get("WITH_ORDERCAST", "1") == "1"
