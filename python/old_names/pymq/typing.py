"""Objects as JSON and back: named tuples as arrays, other objects by their attributes, with their class's name."""
import json
import sys
import types
import typing
from importlib import import_module


def fullname(thing: typing.Any) -> str:
    """Module and name of a class, a function, or an object's class; of a built-in one its name alone."""
    if isinstance(thing, (types.FunctionType, types.MethodType)):
        return f"{thing.__module__}.{thing.__qualname__}"
    cls = thing if isinstance(thing, type) else type(thing)
    return cls.__name__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__name__}"


def load_class(classname: str) -> type | None:
    """The class of that name in a module that is imported already, or of a package that is; None where there is none."""
    module, _, name = classname.rpartition(".")
    if not module:
        found = getattr(sys.modules["builtins"], name, None)
    else:
        # What comes over the bus names modules: it isn't for strangers to have any imported.
        if module not in sys.modules and module.partition(".")[0] not in ("galileo", "galileodb", "pymq", "telemc"):
            return None
        try:
            found = getattr(import_module(module), name, None)
        except ImportError:
            return None
    return found if isinstance(found, type) else None


def deep_to_dict(obj: typing.Any) -> typing.Any:
    """Plain values of an object."""
    if obj is None or isinstance(obj, (bool, int, float, str)):
        return obj
    if isinstance(obj, dict):
        return {key: deep_to_dict(value) for key, value in obj.items()}
    if isinstance(obj, (list, tuple, set, frozenset)):
        return [deep_to_dict(value) for value in obj]
    if isinstance(obj, (type, types.FunctionType, types.MethodType)):
        return fullname(obj)
    if isinstance(obj, BaseException):
        return deep_to_dict(obj.args)
    if hasattr(obj, "__dict__"):
        return deep_to_dict(obj.__dict__)
    raise TypeError(f"{type(obj).__name__} can't be sent: {obj!r}")


def deep_from_dict(doc: typing.Any, cls: typing.Any) -> typing.Any:
    """An object of the class from its plain values, records inside it by the types of their fields."""
    if doc is None or cls in (typing.Any, object, None) or isinstance(cls, (str, typing.TypeVar)):
        return doc
    origin, inner = typing.get_origin(cls), typing.get_args(cls)
    if origin in (typing.Union, types.UnionType):
        return deep_from_dict(doc, next((one for one in inner if one is not type(None)), None))
    if origin is tuple:
        kinds = inner if len(inner) != 2 or inner[1] is not Ellipsis else [inner[0]] * len(doc)
        return tuple(deep_from_dict(value, kind) for value, kind in zip(doc, kinds))
    if origin in (list, set, frozenset):
        return origin(deep_from_dict(value, inner[0]) for value in doc)
    if origin is dict:
        return {key: deep_from_dict(value, inner[1]) for key, value in doc.items()}
    if origin is not None or not isinstance(cls, type) or isinstance(doc, cls):
        return doc
    if cls in (set, frozenset, tuple, float, int, str):
        return cls(doc)
    if issubclass(cls, BaseException):
        return cls(*doc) if isinstance(doc, list) else cls(doc)
    try:
        hints = typing.get_type_hints(cls)
    except (NameError, TypeError):
        hints = {}
    if isinstance(doc, list):
        names = list(getattr(cls, "_fields", hints))
        fields = dict(zip(names, doc))
    elif isinstance(doc, dict):
        fields = dict(doc)
    else:
        maker: typing.Any = cls
        return maker(doc)
    values = {name: deep_from_dict(value, hints.get(name)) for name, value in fields.items()}
    if hasattr(cls, "_fields"):
        return cls(**{name: value for name, value in values.items() if name in cls._fields})
    made = object.__new__(cls)
    made.__dict__.update(values)
    return made


def dumps(obj: typing.Any) -> str:
    """The message of an object."""
    if obj is None or isinstance(obj, (bool, int, float, str, dict)):
        return json.dumps(obj)
    if isinstance(obj, list) and (not obj or isinstance(obj[0], (bool, int, float, str))):
        return json.dumps(obj)
    doc = deep_to_dict(obj)
    if isinstance(obj, list):
        return json.dumps({"__list": doc, "__type": fullname(obj[0])})
    return json.dumps({**doc, "__type": fullname(obj)} if isinstance(doc, dict) else {"__obj": doc, "__type": fullname(obj)})


def loads(text: str, cls: typing.Any = None) -> typing.Any:
    """The object of a message, as ``cls`` where one is given, else as the class that the message names."""
    doc = json.loads(text)
    if not isinstance(doc, dict):
        return deep_from_dict(doc, cls)
    named = doc.pop("__type", None)
    kind = cls or (load_class(named) if isinstance(named, str) else None)
    if "__list" in doc:
        return [deep_from_dict(one, kind) for one in doc["__list"]]
    return deep_from_dict(doc.get("__obj", doc), kind)
