"""The library, as every part of the marketplace has it."""

from ordercast import Ordercast

cast = Ordercast()
