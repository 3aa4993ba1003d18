"""Linear models in the leaves of LightGBM trees, checked and written anew."""

import math

from audits.sandboxed.refusal import Refused


def linear_lines(
    tree: dict[str, str], *, leaves: int, features: int, where: str
) -> list[str]:
    """Answer the lines that say what the leaves compute. Raises Refused.

    A leaf's linear model is a constant and one coefficient for each of its features.
    """
    if tree.get("is_linear", "0") == "0":
        return ["is_linear=0"]
    if tree["is_linear"] != "1":
        raise Refused(f"{where} is neither linear nor not.")
    constants = [float(value) for value in tree["leaf_const"].split()]
    sizes = [int(value) for value in tree["num_features"].split()]
    used = [int(value) for value in tree["leaf_features"].split()]
    factors = [float(value) for value in tree["leaf_coeff"].split()]
    if not len(constants) == len(sizes) == leaves or min(sizes) < 0:
        raise Refused(f"The linear models in {where} are not one for each leaf.")
    if not sum(sizes) == len(used) == len(factors):
        raise Refused(f"The linear models in {where} have no coefficient per feature.")
    if not all(0 <= feature < features for feature in used):
        raise Refused(f"A leaf in {where} uses a feature that does not exist.")
    if not all(map(math.isfinite, (*constants, *factors))):
        raise Refused(f"A linear model in {where} is not made of finite numbers.")
    return [
        "is_linear=1",
        f"leaf_const={' '.join(map(repr, constants))}",
        f"num_features={' '.join(map(str, sizes))}",
        f"leaf_features={_by_leaf(list(map(str, used)), sizes)}",
        f"leaf_coeff={_by_leaf(list(map(repr, factors)), sizes)}",
    ]


def _by_leaf(values: list[str], sizes: list[int]) -> str:
    """Write them as LightGBM does: a blank behind each value, one more per leaf."""
    text, at = "", 0
    for size in sizes:
        text += "".join(f"{value} " for value in values[at : at + size]) + " "
        at += size
    return text
