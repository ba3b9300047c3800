"""Adapters whose errors say wrongly whose fault they are, or whether they pass."""

from shelfport import InventoryError
from shelfport.errors import (
    Conflict,
    ConnectionFailed,
    ContractViolation,
    DeadlineExceeded,
    FaultScope,
    ServiceFailed,
    Unauthorized,
)
from shelfport.ports import Call, Initialized, InitialStock, Unreadable
from tests.contracts.conformance.faulty_reading import Answers, Faulty, Ids


class _Blames(Faulty):
    """Gives the errors of `kind` another scope."""

    kind: type[InventoryError]
    scope: FaultScope

    def blame(self, error: InventoryError) -> None:
        if isinstance(error, self.kind):
            error.scope = self.scope

    async def read(self, ids: Ids, call: Call) -> Answers:
        try:
            answers = await self.inner.read(ids, call)
        except InventoryError as error:
            self.blame(error)
            raise
        for answer in answers.values():
            if isinstance(answer, Unreadable):
                self.blame(answer.error)
        return answers

    async def initialize(self, request: InitialStock, call: Call) -> Initialized:
        try:
            return await self.inner.initialize(request, call)
        except InventoryError as error:
            self.blame(error)
            raise


class BlamesTheServiceForOneVariant(_Blames):
    kind = ContractViolation
    scope = FaultScope.SERVICE


class BlamesTheRequestForAnOutage(_Blames):
    kind = ConnectionFailed
    scope = FaultScope.REQUEST


class BlamesTheRecordForAnOutage(BlamesTheRequestForAnOutage):
    async def read(self, ids: Ids, call: Call) -> Answers:
        return await self.inner.read(ids, call)


class BlamesTheServiceForTheCredentials(_Blames):
    kind = Unauthorized
    scope = FaultScope.SERVICE


class BlamesTheRecordForTheCredentials(_Blames):
    kind = Unauthorized
    scope = FaultScope.REQUEST

    async def read(self, ids: Ids, call: Call) -> Answers:
        return await self.inner.read(ids, call)


class BlamesTheServiceForTheDeadline(_Blames):
    kind = DeadlineExceeded
    scope = FaultScope.SERVICE


class BlamesTheServiceForAConflict(_Blames):
    kind = Conflict
    scope = FaultScope.SERVICE


class CallsGarbageTransient(Faulty):
    async def read(self, ids: Ids, call: Call) -> Answers:
        try:
            return await self.inner.read(ids, call)
        except ContractViolation as error:
            raise ServiceFailed(str(error)) from error
