"""Small safe expressions over the parameters of a space, for `when:` and `compute:`."""

import ast
import contextlib
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hydra_study.errors import StudyError

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: lambda base, exponent: base ** min(exponent, 64),
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Not: operator.not_,
    ast.USub: operator.neg,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": min,
    "max": max,
    "sum": sum,
    "len": len,
    "round": round,
    "int": int,
}
_WORDS = {"true": True, "false": False, "null": None}
_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")


class InactiveError(Exception):
    """The expression uses a parameter that this point does not have."""


class Expression:
    """A parsed expression.

    Args:
        text: Python syntax: comparisons, arithmetic, `and`/`or`/`not`, `in`, lists, indices, `a if
            b else c` and the functions min, max, sum, len, round, int. Parameters are written as in
            the space: `model.net.depth`, `model/net` or `$depth`. A list omits items whose
            parameters the point does not have.
        names: All parameters that may be used.

    Raises:
        StudyError: The text is no such expression, or uses a name that is not a parameter.
    """

    def __init__(self, text: str, names: Iterable[str]) -> None:
        self.text = str(text)
        self._keys: dict[str, str] = {}
        try:
            self._tree = ast.parse(
                self._with_identifiers(sorted(names, key=len, reverse=True)), mode="eval"
            ).body
        except SyntaxError as error:
            raise StudyError(
                f"an expression must be a Python expression, but got {self.text!r}: {error.msg}"
            ) from error
        for node in ast.walk(self._tree):
            self._check(node)
        self.names = set(self._keys.values())

    def _with_identifiers(self, names: list[str]) -> str:
        """Replace every parameter outside of string literals by a Python identifier."""
        if not names:
            return self.text
        pattern = re.compile(
            r"(?<![\w.@/$])(?:" + "|".join(map(re.escape, names)) + r")(?![\w@/])(?!\.\w)"
        )

        def identifier(match: re.Match[str]) -> str:
            key = f"_p{names.index(match[0])}"
            self._keys[key] = match[0]
            return key

        pieces, last = [], 0
        for literal in _STRING.finditer(self.text):
            pieces += [pattern.sub(identifier, self.text[last : literal.start()]), literal[0]]
            last = literal.end()
        return "".join([*pieces, pattern.sub(identifier, self.text[last:])]).strip()

    def _check(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name) and node.id not in {*self._keys, *_WORDS, *_FUNCTIONS}:
            message = f"{self.text!r} uses {node.id!r}, which is no parameter of the space"
            raise StudyError(
                f"{message}; quote it if it is a string, or add the parameter (a fixed value will"
                " do)"
            )
        known = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
        if not isinstance(node, (*known, *_EVALUATE)):
            raise StudyError(
                f"{self.text!r} uses {type(node).__name__}, which an expression may not; use"
                " `suggest` instead"
            )

    def __call__(self, point: Mapping[str, Any]) -> Any:
        """Evaluate the expression at `point`.

        Raises:
            InactiveError: The point does not have a parameter of the expression.
        """
        return self._value(self._tree, point)

    def _value(self, node: ast.expr, point: Mapping[str, Any]) -> Any:
        return _EVALUATE[type(node)](self, node, point)

    def evaluate_name(self, node: ast.Name, point: Mapping[str, Any]) -> Any:
        if node.id in _WORDS:
            return _WORDS[node.id]
        key = self._keys[node.id]
        if key not in point:
            raise InactiveError(key)
        return point[key]

    def evaluate_bool(self, node: ast.BoolOp, point: Mapping[str, Any]) -> Any:
        decides = isinstance(node.op, ast.Or)
        value: Any = not decides
        for part in node.values:
            value = self._value(part, point)
            if bool(value) is decides:
                return value
        return value

    def evaluate_compare(self, node: ast.Compare, point: Mapping[str, Any]) -> bool:
        left = self._value(node.left, point)
        for sign, part in zip(node.ops, node.comparators, strict=True):
            right = self._value(part, point)
            if not _COMPARE[type(sign)](left, right):
                return False
            left = right
        return True

    def evaluate_choice(self, node: ast.IfExp, point: Mapping[str, Any]) -> Any:
        return self._value(node.body if self._value(node.test, point) else node.orelse, point)

    def evaluate_call(self, node: ast.Call, point: Mapping[str, Any]) -> Any:
        assert isinstance(node.func, ast.Name)
        return _FUNCTIONS[node.func.id](*(self._value(argument, point) for argument in node.args))

    def evaluate_list(self, node: ast.List, point: Mapping[str, Any]) -> list[Any]:
        """Return the list without items whose parameters this point does not have."""
        values = []
        for item in node.elts:
            with contextlib.suppress(InactiveError):
                values.append(self._value(item, point))
        return values

    def evaluate_slice(self, node: ast.Slice, point: Mapping[str, Any]) -> slice:
        return slice(
            *(part and self._value(part, point) for part in (node.lower, node.upper, node.step))
        )


_EVALUATE: dict[type[ast.AST], Callable[[Expression, Any, Mapping[str, Any]], Any]] = {
    ast.Constant: lambda self, node, point: node.value,
    ast.Name: Expression.evaluate_name,
    ast.List: Expression.evaluate_list,
    ast.Tuple: lambda self, node, point: [self._value(item, point) for item in node.elts],
    ast.BoolOp: Expression.evaluate_bool,
    ast.Compare: Expression.evaluate_compare,
    ast.BinOp: lambda self, node, point: _BINARY[type(node.op)](
        self._value(node.left, point), self._value(node.right, point)
    ),
    ast.UnaryOp: lambda self, node, point: _UNARY[type(node.op)](self._value(node.operand, point)),
    ast.IfExp: Expression.evaluate_choice,
    ast.Subscript: lambda self, node, point: self._value(node.value, point)[
        self._value(node.slice, point)
    ],
    ast.Slice: Expression.evaluate_slice,
    ast.Call: Expression.evaluate_call,
}
