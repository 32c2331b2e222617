"""Which names of hand-written code are gradients, and of what; which are losses, sizes, step sizes, upstream gradients."""

from __future__ import annotations

import re

# A row: how a gradient is spelled, and what the part that names the tensor means (the tensor, or its pre-activation).
SPELLINGS = tuple((re.compile(pattern, re.ASCII), before) for pattern, before in (
    (r"d[A-Z]?(?:[Ll]oss|[LJCE])?_?d_?(.+)", False),
    (r"d_?(.+?)_?", False),
    (r"(?:grads?|gradients?|nabla|g|G|D)_?(?:of_)?(.+)", False),
    (r"(.+?)_?(?:grads?|gradients?|gradient|Grad)", False),
    (r"(?:delta|DELTA|Delta)_?(.+)", True),
    (r"(.+?)_?(?:delta|DELTA|Delta)", True),
))
BARE = re.compile(r"(?:grads?|gradients?|nabla|dw|dW|dtheta)$")
BARE_GRADIENT = re.compile(r"grad(?:ient)?$")
PARAMETER_NAMES = frozenset(("theta", "Theta", "w", "W", "weights", "beta"))  # what a bare gradient may be of
STORES = re.compile(r"_?(?:grads?|gradients?|nablas?|derivatives|deltas)\d*$")
LOSS_NAME = re.compile(r"(?:.*_)?(?:loss|cost|objective|obj|nll|mse|bce|cross_entropy|J|L|C|E)(?:_?(?:total|value|val|function|fn))?$")
LOSS_FUNCTION = re.compile(r"(?:.*_)?(?:loss|cost|objective|mse|bce|cross_?entropy|nll|criterion)(?:_.*)?$|.*(?:Loss|Cost)$")
SIZE_NAME = re.compile(r"(?:\w+_)?(?:size|dim|dims|units|neurons|nodes|features|classes|inputs|outputs|hidden)(?:_\w+)?$|n_?(?:in|out|h|x|y|hid\w*|inp\w*|out\w*)$|"
                       r"[NDHMKCV]$|D_(?:in|out)$")
UPDATE = re.compile(r"_?(?:update|sgd|adam|apply_grad|optimi[sz]e|train)\w*$|step$", re.IGNORECASE)
SHORT = {"w": ("weights", "weight", "coef", "coefficients", "theta"), "b": ("bias", "biases", "intercept")}  # dw is the gradient of weights
UPSTREAM = re.compile(r"d_?(?:out|y|Y|a|A|Z|z|h|H|A_?next|next)?$|dout\w*$|d(?:L|J|C|E)_?d?\w*$|d?next_\w+$|d_?\w*next\w*$|d\w+$|"
                      r"grad(?:_?out(?:put)?|ient)?s?$|grad_\w+$|\w*_grad(?:ient)?$|upstream\w*$|delta\w*$|error\w*$|accum_grad$")
STEP = re.compile(r"(?:lr|learning_?rate|eta|step(?:_?size)?|alpha|rate|learningRate|self\.lr)$", re.IGNORECASE)
SCALAR = re.compile(r"(?:lr|learning_?rate|eta|step_?size|alpha|reg\w*|lambda?\w*|lamb?|rho|kappa|nu|sparsity(?:_?param\w*|_?target|_?level)?|eps\w*|epsilon|momentum|decay\w*|weight_?decay|"
                    r"l1|l2|temperature|delta|tau|c|C|beta[12]|learningRate|scale|keep_?prob)$", re.IGNORECASE)
PARAMETERS = re.compile(r"(?:\w+_)?(?:params?|parameters)$")  # a dictionary of parameters
LISTS = frozenset("layer_dims layers_dims layers sizes layer_sizes dims hidden_dims nn_architecture layer_dimensions architecture shape units neurons nodes".split())
FORWARD = re.compile(r"(?:.*_)?(?:forward|feed_?forward|forward_?(?:pass|prop\w*)|predict(?:_proba)?|__call__|propagate|hypothesis|"
                     r"model_?output)(?:_.*)?$|.*[fF]orward.*")
BACKWARD = re.compile(r".*(?:backward|back_?prop|grad|backprop|derivative|bprop|bwd).*", re.IGNORECASE)
INITIAL = re.compile(r"_*(?:init|initiali[sz]e|create|make|build|random|setup|reset)\w*$|__init__$")


def stems(name: str) -> list[tuple[str, bool]]:
    """(tensor, of its pre-activation) for every reading of a name as a gradient, the likelier first.

    >>> stems("dW1")[0], stems("l2_delta")[0]
    (('W1', False), ('l2', True))
    """
    found = []
    for pattern, before in SPELLINGS:
        match = pattern.fullmatch(name)
        if match and match.group(1):
            found.append((match.group(1).strip("_"), before))
    delta = [f for f in found if f[1]]
    return list(dict.fromkeys([*delta, *found])) if delta else list(dict.fromkeys(found))


def is_gradient_like(name: str) -> bool:
    return bool(stems(name) or BARE.match(name))
