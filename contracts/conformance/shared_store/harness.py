"""`SharedStoreHarness`: makes the stores of several replicas."""

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager

from shelfport.contracts.conformance.port_suite import PortHarness, missing_method
from shelfport.ports import SharedStore


class SharedStoreHarness(PortHarness, ABC):
    """The environment of one case of `SharedStoreConformance`."""

    @abstractmethod
    def store(self) -> AbstractAsyncContextManager[SharedStore]:
        """The store of another replica, open inside the `async with`.

        All stores of one harness share their content, which is empty at first. One case enters
        what one call returned twice, in one event loop after another: return the store itself,
        not a generator's context manager, which can be entered once.
        """

    def broken(self) -> AbstractAsyncContextManager[SharedStore]:
        """A store whose server cannot be reached. Belongs to `breaks`."""
        raise missing_method("broken", "breaks")

    async def cut(self) -> None:
        """Break the connections of `invalidations`. Belongs to `cuts`."""
        raise missing_method("cut", "cuts")
