"""OCSF events checked against the schema's own files (classes, objects, dictionary)."""

from typing import Any

from tests.governance.doors import SHARED, schema

_CLASSES = {
    3004: "events/iam/entity_management.json",
    2003: "events/findings/compliance_finding.json",
    6003: "events/application/api_activity.json",
}
_PARENTS = {
    "base_event": "events/base_event.json",
    "finding": "events/findings/finding.json",
}
# Names of attributes with the types of JSON; others are objects.
_TYPES: dict[str, tuple[type, ...]] = {
    "integer_t": (int,),
    "long_t": (int,),
    "timestamp_t": (int,),
    "string_t": (str,),
    "username_t": (str,),
    "boolean_t": (bool,),
    "json_t": (dict, list, str, int),
    "object": (dict,),
}


def troubles(event: dict[str, Any]) -> list[str]:
    """What of an event breaks the schema; empty: nothing."""
    found: dict[str, Any] = {}
    path = _CLASSES.get(event.get("class_uid", 0), "events/base_event.json")
    own = schema(f"ocsf/{path}")
    chain = [own]
    while (parent := chain[-1].get("extends")) is not None:
        # The categories' own classes (iam, application) were not collected.
        chain.append(schema(f"ocsf/{_PARENTS.get(parent, _PARENTS['base_event'])}"))
        if chain[-1]["name"] == "base_event":
            break
    for part in reversed(chain):
        for name, attribute in part["attributes"].items():
            if isinstance(attribute, dict):
                found[name] = _merged(found.get(name, {}), attribute)
    for name in ("class_uid", "category_uid"):
        found[name]["enum"] = {}  # numbered by the class itself, checked below
    told = list(_checked(event, found, own.get("constraints")))
    category = schema("ocsf/categories.json")["attributes"][_category(chain)]["uid"]
    if event["category_uid"] != category:
        told.append("category_uid")
    if event["class_uid"] != category * 1000 + own["uid"]:
        told.append("class_uid")
    if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
        told.append("type_uid")
    return told


def _category(chain: list[dict[str, Any]]) -> str:
    for part in chain:
        if part.get("category") not in (None, "other"):
            return str(part["category"])
    return str(chain[0]["extends"])


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    enum = {**old.get("enum", {}), **new.get("enum", {})}
    return {**old, **new, "enum": enum}


def _checked(
    value: dict[str, Any], attributes: dict[str, Any], constraints: Any, at: str = ""
) -> Any:
    dictionary = schema("ocsf/dictionary.json")["attributes"]
    for name, attribute in attributes.items():
        if attribute.get("requirement") == "required" and name not in value:
            yield f"{at}{name} is missing"
    any_of = (constraints or {}).get("at_least_one", [])
    if any_of and not set(any_of) & set(value):
        yield f"{at}none of {any_of}"
    for name, part in value.items():
        known = dictionary.get(name)
        # `actor` comes from iam.json, which was not collected.
        if known is None or (name not in attributes and name != "actor"):
            yield f"{at}{name} is unknown"
            continue
        parts = part if known.get("is_array") else [part]
        if not isinstance(parts, list):
            yield f"{at}{name} is no array"
            continue
        enum = _merged(known, attributes.get(name, {}))["enum"]
        for one in parts:
            yield from _one(one, name, known["type"], enum, at)


def _one(one: Any, name: str, kind: str, enum: dict[str, Any], at: str) -> Any:
    if name == "unmapped":
        return
    types = _TYPES.get(kind, (dict,))
    if not isinstance(one, types) or (isinstance(one, bool) and bool not in types):
        yield f"{at}{name} is no {kind}"
    elif enum and str(one) not in enum:
        # A class narrows an enumeration; 0 and 99 stay from the dictionary.
        yield f"{at}{name} is none of {sorted(enum)}"
    elif isinstance(one, dict) and kind not in _TYPES:
        if not (SHARED / f"ocsf/objects/{kind}.json").is_file():
            return  # not every object was collected
        described = schema(f"ocsf/objects/{kind}.json")
        yield from _checked(
            one,
            {k: v for k, v in described["attributes"].items() if isinstance(v, dict)},
            described.get("constraints"),
            f"{at}{name}.",
        )
