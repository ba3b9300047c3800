"""`rewire`: a subclass of a container that replaces a provider gets it everywhere.

dependency-injector leaves a replaced provider where it is: the other providers of the parent class
go on using the parent's. (Its decorator `@containers.copy` replaces it, but a provider that uses
the one that it replaces then uses itself, for ever.)
"""

from typing import Any

from dependency_injector import containers, providers


def rewire(container: type[containers.DeclarativeContainer]) -> None:
    """Let all providers of `container`, inherited and added ones, use those that it replaces.

    A provider that refers to the one that it replaces, as in
    `port = providers.Singleton(MyLayer, Container.port)`, gets the parent's.
    """
    parent: Any = container.__mro__[1]
    own: dict[str, Any] = dict(container.cls_providers)
    replaced = {name: own[name] for name in own if name in parent.providers}
    # Without a replaced provider, the parent's are used as they are.
    inherited = providers.deepcopy(parent.providers) if replaced else parent.providers
    bases = [base for base in container.__mro__[1:] if hasattr(base, "providers")]
    memo = {
        id(base.providers[name]): inherited[name]
        for base in bases
        for name in base.providers
        if name in inherited
    }
    memo |= {id(own[name]): inherited[name] for name in replaced}
    added = {name: providers.deepcopy(own[name], memo) for name in own if name not in replaced}
    for name, provider in replaced.items():
        others = {key: copy for key, copy in memo.items() if copy is not inherited[name]}
        # A second copy of the parent's provider, which nothing overrides.
        original = providers.deepcopy(parent.providers[name], dict(others))
        originals = {id(base.providers[name]): original for base in bases if name in base.providers}
        inherited[name].override(providers.deepcopy(provider, others | originals))
    for name, provider in {**(inherited if replaced else {}), **added}.items():
        setattr(container, name, provider)
