"""The library's extension object, shared by every part of the marketplace."""

from ordercast import Ordercast

cast = Ordercast()
