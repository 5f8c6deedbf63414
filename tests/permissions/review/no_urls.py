"""A project without an address."""

urlpatterns: list[object] = []
