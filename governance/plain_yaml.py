"""YAML as JSON knows it: no tags, no anchors, no key twice, dates stay text."""

from typing import Any

import yaml
from django.utils.translation import gettext as _


class CannotRead(Exception):
    """The text is not plain YAML; the message says where."""


class _Loader(yaml.SafeLoader):
    """What a reviewer reads is what is stored."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse aliases, which stand for endless texts, and tags.

        A tag such as `!!int` makes PyYAML fail with a KeyError or IndexError.
        """
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(problem=_("anchors are not allowed"))
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None) is not None:
            raise yaml.composer.ComposerError(
                problem="tags are not allowed", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that stands twice: readers see one, the gate another."""
        keys = [key.value for key, _value in node.value]
        if len({str(key) for key in keys}) != len(keys):
            raise yaml.constructor.ConstructorError(
                None, None, _("a key stands twice"), node.start_mark
            )
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    sign: [(tag, match) for tag, match in found if not tag.endswith(":timestamp")]
    for sign, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(text: str) -> Any:
    """Read a text. Raises `CannotRead`."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506
    except RecursionError as error:
        raise CannotRead(_("The text is nested too deeply.")) from error
    # `a: 0x_` and the like: PyYAML reads a number where none is.
    except (yaml.YAMLError, ValueError, TypeError, LookupError) as error:
        raise CannotRead(str(error)) from error
