"""typing.NamedTuple, for a program that is started often.

That of the standard library compiles every annotation that is a string (Python 3.10 to
3.14, typing.ForwardRef): for the records of this package a tenth of the time of a run
that finds nothing to do. Type checkers see the original.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:
    from collections import namedtuple

    # What a class statement adds, and namedtuple() makes itself.
    _MADE = {'__annotations__', '__classcell__', '__module__', '__qualname__'}

    class _Meta(type):
        def __new__(cls, name, bases, namespace):
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            fields = tuple(namespace.get('__annotations__', ()))
            defaults = [namespace.pop(name) for name in fields if name in namespace]
            made = namedtuple(
                name, fields, defaults=defaults, module=namespace['__module__']
            )
            made.__annotations__ = namespace.get('__annotations__', {})
            for key, value in namespace.items():
                if key not in _MADE:
                    setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_Meta):
        """The base that a record names; it is none of the record's own."""
