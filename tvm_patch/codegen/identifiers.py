"""Names of tensors and models as C identifiers that no compiler and no header minds."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tvm_patch.frontend.names import words

_KEYWORDS = words(
    "alignas alignof and and_eq asm atomic_cancel atomic_commit atomic_noexcept auto bitand bitor bool "
    "break case catch char char16_t char32_t char8_t class co_await co_return co_yield compl concept "
    "const const_cast consteval constexpr constinit continue decltype default delete do double "
    "dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable "
    "namespace new noexcept not not_eq nullptr operator or or_eq private protected public reflexpr "
    "register reinterpret_cast requires restrict return short signed sizeof static static_assert "
    "static_cast struct switch synchronized template this thread_local throw true try typedef typeid "
    "typename typeof typeof_unqual union unsigned using virtual void volatile wchar_t while xor xor_eq"
)
"""Words that C23 or C++23 keeps for itself."""

_MACROS = words(
    "arm assert cbrt complex creal cimag emit errno far fileno foreach getc huge i386 imaginary interrupt "
    "linux major makedev max min minor near noreturn offsetof pascal putc setjmp signals slots stderr "
    "stdin stdout unix va_arg va_copy va_end va_start vax"
)
"""Macros in small letters: of standard headers, of compilers in their own modes, of common frameworks."""


def c_identifier(text: str, fallback: str = "t") -> str:
    """Return `text` as a C identifier.

    Macros are in capitals by custom, so a name all in capitals becomes small; what C, C++ or headers keep for
    themselves gets an underscore.

    >>> c_identifier("serving_default_image:0"), c_identifier("INT8_MAX"), c_identifier("new")
    ('serving_default_image_0', 'int8_max', 'new_')
    """
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or fallback
    name = name.lower() if name.isupper() else name
    if name in _KEYWORDS or name in _MACROS or name.endswith("_t"):
        return f"{name}_"
    return name if not name[0].isdigit() else f"{fallback}_{name}"


def unique_identifier(text: str, fallback: str, taken: Iterable[str]) -> str:
    """Return `text` as a C identifier that differs from those taken even in capitals, in which macros have it."""
    names = {t.lower() for t in taken}
    # The size of a row has a macro beside that of the whole, which a tensor called so would have too.
    names |= {f"{t}_row" for t in names} | {t.removesuffix("_row") for t in names}
    name, number = c_identifier(text, fallback), len(names)
    unique = name
    while unique.lower() in names:
        unique, number = f"{name}_{number}", number + 1
    return unique
