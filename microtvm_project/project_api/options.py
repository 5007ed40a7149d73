"""Options of projects: typed, documented, and checked before they are used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tvm_patch.errors import UserError

OptionValue = str | int | bool

Method = Literal["generate_project", "build", "flash", "open_transport"]

_TYPES: dict[str, type] = {"str": str, "int": int, "bool": bool}
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class ProjectOption:
    """An option; the fields are microTVM's.

    Attributes
    ----------
    name : str
        As in ``--option NAME=VALUE``.
    type : {"str", "int", "bool"}
        Of its value.
    help : str
        One line.
    choices : tuple, optional
        What it may be.
    default : optional
        What it is otherwise.
    required, optional : tuple of str
        Methods that need it, and methods that take it.
    between : tuple of int, optional
        Least and greatest value of a number.  Checked here; not among the fields that clients see.
    """

    name: str
    type: Literal["str", "int", "bool"]
    help: str
    choices: tuple[str, ...] | None = None
    default: OptionValue | None = None
    required: tuple[Method, ...] = ()
    optional: tuple[Method, ...] = ()
    between: tuple[int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as ``server_info_query`` gives it."""
        fields = asdict(self)
        del fields["between"]
        for name in ("required", "optional", "choices"):
            fields[name] = list(fields[name]) if fields[name] else None
        return fields

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> ProjectOption:
        """Read what a server gave."""
        return cls(
            str(fields["name"]),
            fields["type"],
            str(fields["help"]),
            tuple(fields["choices"]) if fields.get("choices") else None,
            fields.get("default"),
            tuple(fields.get("required") or ()),
            tuple(fields.get("optional") or ()),
        )


def parse_option(options: Sequence[ProjectOption], text: str) -> tuple[str, OptionValue]:
    """Read ``NAME=VALUE`` as a person types it.

    Raises
    ------
    UserError
        There is no such option, or its value has another type.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"--option {text}: want NAME=VALUE")
    option = _find(options, name)
    if option.type == "bool":
        if value.lower() not in _WORDS:
            raise UserError(f"option {name}: want yes or no, got {value!r}")
        return name, _WORDS[value.lower()]
    if option.type == "int":
        try:
            return name, int(value, 0)
        except ValueError:
            raise UserError(f"option {name}: want a number, got {value!r}") from None
    return name, value


def check_options(
    options: Sequence[ProjectOption], given: Mapping[str, Any], method: Method
) -> dict[str, OptionValue | None]:
    """Check options for a method and fill in what was not given.

    Raises
    ------
    UserError
        One is unknown, has the wrong type or value, or is missing.
    """
    for name, value in given.items():
        option = _find(options, name)
        wanted = _TYPES[option.type]
        # In Python, True is a number too.
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise UserError(f"option {name}: want {option.type}, got {value!r}")
        if option.choices is not None and value not in option.choices:
            raise UserError(f"option {name}: {value!r} is none of {', '.join(option.choices)}")
        if option.between is not None and isinstance(value, int):
            least, most = option.between
            if not least <= value <= most:
                raise UserError(f"option {name}: {value} is not between {least} and {most}")
    for option in options:
        if method in option.required and option.name not in given:
            choices = f" ({', '.join(option.choices)})" if option.choices else ""
            raise UserError(f"option {option.name} is missing{choices}: {option.help}")
    return {o.name: given.get(o.name, o.default) for o in options}


def _find(options: Sequence[ProjectOption], name: str) -> ProjectOption:
    for option in options:
        if option.name == name:
            return option
    raise UserError(f"there is no option {name!r}; known are {', '.join(o.name for o in options)}")
