"""The command line: verbs over the public functions; no mathematics.

Results go to standard output, all else to standard error. Exit 0: done and everything holds; 1: a claim is refuted or a
check fails; 2: something could not be read, was undecided, or there was nothing to do.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import sys
from pathlib import Path
from typing import NoReturn

from .targets import TARGETS

DEMO = """# the 3-4-2 sigmoid network
x: R[3]; y: R[2]
W1: R[4, 3]; b1: R[4]; W2: R[2, 4]; b2: R[2]
z1 = W1 @ x + b1
h = sigmoid(z1)
z2 = W2 @ h + b2
yhat = sigmoid(z2)
C = sum((yhat - y)**2) / 2
"""
FORMATS = ("text", "latex", "tex", "markdown", "mathml", "html", "json")


class UsageError(Exception):
    """What is wrong with the arguments, in a line."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in a line and where to read on, without the whole usage."""

    def error(self, message: str) -> NoReturn:
        found = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if found:
            choices = re.findall(r"[\w-]+", found[2])
            close = difflib.get_close_matches(found[1], choices, n=1)
            where = message.partition(":")[0].removeprefix("argument ").removesuffix(" VERB")
            message = f"{where}: there is no {found[1]!r}: " + (f"did you mean {close[0]}?" if close else f"one of {', '.join(choices)}")
        raise UsageError(f"{message} (see {self.prog} --help)")


def parser() -> argparse.ArgumentParser:
    """The arguments of every verb."""
    top = Parser(
        prog="symbackprop", description="Derive, print, verify and export the gradients of networks written as equations.",
        epilog="Start with: symbackprop demo")
    from . import __version__
    top.add_argument("--version", action="version", version=f"symbackprop {__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="VERB")

    def verb(name: str, text: str, file: bool = True) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text)
        if file:
            sub.add_argument("file", metavar="FILE", help="a model (.net); - is standard input")
        sub.add_argument("-o", "--output", metavar="OUT", help="write here instead of standard output")
        sub.add_argument("--json", action="store_true", help="print JSON, errors included")
        return sub

    derive = verb("derive", "every gradient, in the matrix form of a textbook")
    derive.add_argument("--view", choices=("textbook", "named", "expanded"), default="textbook",
                        help="textbook: δ for pre-activations; named: one entry per cotangent; expanded: all put in")
    derive.add_argument("--steps", action="store_true", help="show each step with its rule and reason")
    derive.add_argument("--to", choices=FORMATS, default="text", help="the form of the output")
    derive.add_argument("--index", action="store_true", help="index form: each entry with its indices and sums")
    derive.add_argument("--update", action="store_true", help="also the step of gradient descent for each parameter")
    derive.add_argument("--explicit", action="store_true", help="also every matrix written out at small sizes, then its entries")
    derive.add_argument("--hessian", action="store_true", help="the second derivatives instead, in closed form, a block for each pair of --wrt")
    derive.add_argument("--jacobian", metavar="Z", help="the derivatives of a named value instead, in closed form, by each of --wrt")
    derive.add_argument("--layout", choices=("numerator", "denominator"), help="of --jacobian: a row for each entry of Z (the default), or a column")
    derive.add_argument("--hvp", action="store_true", help="the product of the Hessian with a direction instead, for whole networks")
    derive.add_argument("--jvp", metavar="Z", help="the derivative of a named value along a direction instead (forward mode)")
    derive.add_argument("--differentials", action="store_true", help="the steps in differentials instead: dC = tr(Δᵀ dZ), dZ = dW X")
    derive.add_argument("--sizes", default="", metavar="n=3,m=2", help="the sizes of --explicit (default: 2, 3, 4)")
    derive.add_argument("--flavour", choices=("jupyter", "github"), default="jupyter",
                        help="of --to markdown: $$ blocks, or the math fences of GitHub")
    derive.add_argument("--notation", default="", metavar="KEY=VALUE,…",
                        help="such as hadamard=circ,layers=paren,cotangent=bar (symbackprop list shows all)")
    derive.add_argument("--names", default="", metavar="W1=W^{(1)},…", help="typeset names of single tensors, in LaTeX")
    check = verb("check", "compare every gradient with finite differences of the loss")
    check.add_argument("--sizes", default="", metavar="n=3,m=4", help="sizes to check at (default: distinct primes, …)")
    check.add_argument("--seed", type=int, default=0, help="seed of the random data (default 0)")
    verify = verb("verify", "judge the claims in a text, such as grad(C, W1) == outer(delta, x)", file=False)
    verify.add_argument("files", metavar="FILE", nargs="+", help="texts with claims: .tex, .md, .ipynb, .net; - is standard input")
    verify.add_argument("--html", metavar="PAGE", help="also write one page that shows each claim with its wrong part marked")
    verify.add_argument("--strict-layout", action="store_true", help="refute what is right up to a transpose")
    verify.add_argument("--budget", type=seconds, default=2.0, metavar="S", help="seconds for one claim (default 2)")
    export = verb("export", "a fast gradient function as source code")
    export.add_argument("--to", required=True, choices=TARGETS, help="the target")
    for sub in (derive, check, export):
        sub.add_argument("--wrt", metavar="W1,b1", help="the tensors to differentiate by (default: every declared one)")
        sub.add_argument("--loss", metavar="C", help="the loss, where it is not the one scalar that nothing reads")
    export.add_argument("--step", default="", metavar="RULE", help="also write an update rule: sgd")
    export.add_argument("--shard", default="", metavar="SIZE",
                        help="jax: share this size out among devices; batch is the size called batch, B or N")
    export.add_argument("--check", action="store_true", help="run the file against finite differences in a process of its own")
    demo = verb("demo", "the 3-4-2 network, end to end", file=False)
    demo.set_defaults(output_help="a folder")
    verb("list", "every function, notation, target and view it knows", file=False)
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    as_json = "--json" in argv
    from .errors import SymbackpropError
    try:
        args = parser().parse_args(argv)
        if args.verb is None:
            parser().print_help(sys.stderr)
            return 2
        return VERBS[args.verb](args)
    except UsageError as error:
        return complain({"error": "usage", "message": str(error)}, f"symbackprop: {error}", as_json)
    except SymbackpropError as error:
        return complain(error.as_json(), f"{type(error).__name__}: {error}", as_json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        message = f"{error.filename or 'standard output'}: {error.strerror or error}"
        return complain({"error": "file", "message": message}, f"symbackprop: {message}", as_json)
    except KeyboardInterrupt:
        return 130


def complain(data: dict[str, object], line: str, as_json: bool) -> int:
    """One error: as JSON on standard output, or as text on standard error."""
    if as_json:
        put(json.dumps(data, ensure_ascii=False) + "\n")
    else:
        print(line, file=sys.stderr)
    return 2


def put(text: str) -> None:
    """To standard output, in UTF-8 where its own encoding lacks a character."""
    if sys.stdout is None:
        raise OSError(0, "closed", "standard output")
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError:
        sys.stdout.buffer.write(text.encode())
    sys.stdout.flush()


def write(args: argparse.Namespace, text: str) -> None:
    """To `-o FILE` or standard output."""
    text = text if text.endswith("\n") else text + "\n"
    if args.output:
        if Path(args.output).exists() and any(Path(args.output).resolve() == Path(f).resolve() for f in files_of(args)):
            raise_usage(f"-o {args.output} would overwrite the model", "choose another name")
        Path(args.output).write_text(text, encoding="utf-8")
        print(f"wrote {args.output}", file=sys.stderr)
    else:
        put(text)


def files_of(args: argparse.Namespace) -> list[str]:
    return [args.file] if hasattr(args, "file") else getattr(args, "files", [])


def load(args: argparse.Namespace) -> object:
    """The derivation of the file that the command names."""
    from .doors import read
    from .notation import Notation
    from .results import derive
    notation = Notation.read(getattr(args, "notation", "")).with_names(Notation.read_names(getattr(args, "names", "")))
    given = getattr(args, "wrt", None)
    wrt = None if given is None else [name for w in given.split(",") if (name := w.strip())]
    if wrt == []:
        raise_usage("--wrt names no tensor", "such as --wrt W1,b1")
    return derive(read(args.file), wrt, getattr(args, "loss", None), notation)


def run_derive(args: argparse.Namespace) -> int:
    from .show.printing import Wanted, render
    derivation = load(args)
    if args.sizes and not args.explicit:
        raise_usage("--sizes says at which sizes --explicit writes the entries out", "add --explicit")
    if any(getattr(args, name) for name in INSTEAD) or args.layout:
        return run_blocks(args, derivation)
    sizes = (read_sizes(args.sizes) or {}) if args.explicit else None
    wanted = Wanted(args.view, args.steps, args.index, args.update, sizes)
    write(args, render(derivation, "json" if args.json else args.to, wanted, title(args.file), args.flavour))
    if derivation.program.claims:
        print(f"{len(derivation.program.claims)} claims are present and unchecked: symbackprop verify {args.file}", file=sys.stderr)
    return 0


INSTEAD = ("hessian", "jacobian", "hvp", "jvp", "differentials")  # what `derive` prints in place of the gradients


def run_blocks(args: argparse.Namespace, derivation: object) -> int:
    """Second derivatives, those of a value in between, products with directions, or steps in differentials."""
    from .blocks import equations, first_order, rendered, second_order
    asked = [name for name in (*INSTEAD, "steps", "index", "update", "explicit") if getattr(args, name)]
    if args.layout and not args.jacobian:
        raise_usage("--layout is that of a Jacobian", "add --jacobian Z")
    if len(asked) > 1:
        raise_usage(f"--{asked[0]} and --{asked[1]} do not go together", "ask for one")
    to = "json" if args.json else args.to
    if not (args.hessian or args.jacobian):
        write(args, equations(derivation, asked[0], args.jvp, to))
        return 0
    found = second_order(derivation) if args.hessian else first_order(derivation, args.jacobian, args.layout or "numerator")
    write(args, rendered(found, to, title(args.file), args.flavour))
    return 0


def raise_usage(message: str, hint: str) -> NoReturn:
    from .errors import SymbackpropError
    raise SymbackpropError(message, hint=hint)


def title(file: str) -> str:
    return "standard input" if file == "-" else Path(file).stem


def run_check(args: argparse.Namespace) -> int:
    from .doors import check
    report = check(load(args), read_sizes(args.sizes), args.seed)
    write(args, json.dumps(report.as_json(), ensure_ascii=False, indent=1) if args.json else str(report))
    return 0 if report else 1


def read_sizes(text: str) -> dict[str, int] | None:
    """`n=3,m=4`."""
    from .errors import ParseError
    sizes = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, value = part.partition("=")
        if not value.strip().isdigit() or int(value) < 1 or not name.strip().isidentifier():
            raise ParseError(f"--sizes {part!r} is not of the form n=3, with a whole number from 1")
        sizes[name.strip()] = int(value)
    return sizes or None


def seconds(text: str) -> float:
    """A positive number of seconds."""
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError("a positive number of seconds")
    return value


def run_verify(args: argparse.Namespace) -> int:
    from .judge.report import Judged, Progress, exit_code, page_of, report
    found = []
    for file in args.files:
        with Progress(file) as progress:
            found.append(Judged.of(file, args.budget, args.strict_layout, progress))
    if args.json:
        write(args, json.dumps([o for judged in found for o in judged.as_json()], ensure_ascii=False, indent=1))
    else:
        write(args, report(found))
    for judged in found:
        for line in judged.complaints():
            print(line, file=sys.stderr)
    if args.html:
        Path(args.html).write_text(page_of(found), encoding="utf-8")
        print(f"wrote {args.html}", file=sys.stderr)
    return exit_code(found)


def run_export(args: argparse.Namespace) -> int:
    from .doors import check_export, export
    derivation = load(args)
    source = export(derivation, args.to, args.step, args.shard, title(args.file))
    write(args, json.dumps({"target": args.to, "source": source}, ensure_ascii=False) if args.json else source)
    if not args.check:
        return 0
    report = check_export(derivation, source, args.to)
    print(report, file=sys.stderr)
    return 0 if report else 1


def run_demo(args: argparse.Namespace) -> int:
    from .doors import check, export, parse
    from .show.printing import Wanted, render
    from .results import derive
    derivation = derive(parse(DEMO), ["W1", "b1", "W2", "b2"])
    report = check(derivation)
    if args.output:
        folder = Path(args.output)
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in (("demo.net", DEMO), ("demo.tex", render(derivation, "tex", Wanted(steps=True), "The 3-4-2 network")),
                           ("demo.html", render(derivation, "html", Wanted(steps=True), "The 3-4-2 network")),
                           ("grad.py", export(derivation))):
            (folder / name).write_text(text, encoding="utf-8")
            print(f"wrote {folder / name}", file=sys.stderr)
    if args.json:
        put(render(derivation, "json") + "\n")
        return 0 if report else 1
    put(f"{DEMO}\n{render(derivation, 'text', Wanted(steps=True))}\n\n{report}\n\nNext: save the model above as net.net, change it, and try\n"
        "  symbackprop derive net.net --to latex\n  symbackprop check net.net\n  symbackprop export net.net --to numpy -o grad.py\n")
    return 0 if report else 1


def run_list(args: argparse.Namespace) -> int:
    from .show.printing import listing
    found = listing()
    write(args, json.dumps(found, ensure_ascii=False, indent=1) if args.json else
          "\n".join(f"{key}: {', '.join(values)}" for key, values in found.items()))
    return 0


VERBS = {"derive": run_derive, "check": run_check, "verify": run_verify, "export": run_export, "demo": run_demo,
         "list": run_list}
