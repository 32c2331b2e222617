"""What the LaTeX reader knows: the white list of commands, characters and environments.

`COMMANDS` and `LITERALS` map a spelling to the kind of token and its canonical text, so that `\\odot`, `⊙` and
`\\oslash`, `⊘` agree from here on. What stands in none of these tables is refused by the lexer.
"""

from __future__ import annotations

Entry = tuple[str, str]

GREEK = ("alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa varkappa lambda mu nu xi pi "
         "varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma "
         "Upsilon Phi Psi Omega").split()

FUNCTIONS = ("exp log ln lg sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh coth det dim ker arg Pr tr Tr "
             "trace diag softmax sigmoid relu ReLU sign sgn logit erf rank max min argmax argmin sup inf lim").split()

# Function names that become a big operator as soon as a subscript follows.
BIG_NAMES = frozenset("max min argmax argmin sup inf lim".split())

RELATIONS = {
    "eq": "=", "equiv": "equiv", "triangleq": ":=", "coloneqq": ":=", "coloneq": ":=", "doteq": ":=",
    "approx": "approx", "simeq": "approx", "cong": "approx", "sim": "sim", "propto": "propto",
    "ne": "!=", "neq": "!=", "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=", "geq": ">=", "geqslant": ">=",
    "lt": "<", "gt": ">", "ll": "<<", "gg": ">>", "in": "in", "notin": "notin", "ni": "ni",
    "subset": "subset", "subseteq": "subset", "to": "to", "rightarrow": "to", "longrightarrow": "to",
    "mapsto": "mapsto", "longmapsto": "mapsto", "gets": "gets", "leftarrow": "gets", "longleftarrow": "gets",
    "succ": "succ", "succeq": "succeq", "prec": "prec", "preceq": "preceq", "perp": "perp", "mid": "given",
    "colon": ":",
}

PRODUCTS = {
    "odot": "odot", "circ": "circ", "bullet": "bullet", "ast": "ast", "star": "star", "cdot": "cdot",
    "times": "times", "otimes": "otimes", "oslash": "oslash", "div": "/", "setminus": "setminus", "cup": "cup",
    "cap": "cap", "oplus": "oplus", "ominus": "ominus",
}

ACCENTS = {
    "hat": "hat", "widehat": "hat", "bar": "bar", "overline": "bar", "tilde": "tilde", "widetilde": "tilde",
    "vec": "vec", "overrightarrow": "vec", "dot": "dot", "ddot": "ddot", "check": "check", "breve": "breve",
    "acute": "acute", "grave": "grave", "mathring": "ring", "underline": "underline",
}

FONTS = {
    "mathbf": "bold", "boldsymbol": "bold", "bm": "bold", "pmb": "bold", "symbf": "bold", "mathcal": "cal",
    "mathscr": "scr", "mathbb": "bb", "mathbbm": "bb", "mathds": "bb", "mathfrak": "frak",
}

# Fonts that make one upright name of their letters; "" leaves no mark on anything else.
NAME_FONTS = frozenset("mathrm mathit mathsf mathtt mathnormal operatorname operatorname* rm".split())
TEXT_COMMANDS = frozenset("text textrm textit textbf textsf texttt textnormal textsc mbox hbox".split())
SWITCHES = {"bf": "bold", "bfseries": "bold", "boldmath": "bold", "cal": "cal", "rm": "", "it": "", "sf": "", "tt": ""}

# Invisible in print; the second row is also a gap after a comma.
SPACES = frozenset(", ! thinspace negthinspace displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits "
                   "nonumber notag allowbreak nobreak xspace relax hfill mathstrut strut / tiny scriptsize "
                   "footnotesize small normalsize large Large LARGE huge Huge".split())
GAPS = frozenset(("; : > medspace thickspace enspace enskip space nobreakspace".split()) + [" ", "\n", "\t"])
SKIPPED_WITH_ARGUMENT = frozenset("tag tag* label hspace hspace* vspace color".split())
WRAPPERS = frozenset("boxed ensuremath mathbin mathrel mathord mathinner".split())
BRACES = {"underbrace": "underbrace", "overbrace": "overbrace"}

DELIMITERS = {
    "(": ("open", "("), ")": ("close", ")"), "[": ("open", "["), "]": ("close", "]"), "\\{": ("open", "{"),
    "\\}": ("close", "}"), "\\lbrace": ("open", "{"), "\\rbrace": ("close", "}"), "\\lbrack": ("open", "["),
    "\\rbrack": ("close", "]"), "|": ("bar", "|"), "\\|": ("bar", "||"), "\\vert": ("bar", "|"),
    "\\Vert": ("bar", "||"), "\\lvert": ("open", "|"), "\\rvert": ("close", "|"), "\\lVert": ("open", "||"),
    "\\rVert": ("close", "||"), "\\langle": ("open", "<"), "\\rangle": ("close", ">"), "\\lfloor": ("open", "floor"),
    "\\rfloor": ("close", "floor"), "\\lceil": ("open", "ceil"), "\\rceil": ("close", "ceil"), "‖": ("bar", "||"),
    "∥": ("bar", "||"), "⟨": ("open", "<"), "⟩": ("close", ">"),
}
# What may follow \left, \right and \big only.
SIZED_ONLY = {".": ".", "<": "<", ">": ">", "/": "/"}
CLOSER = {"(": ")", "[": "]", "{": "}", "|": "|", "||": "||", "<": ">", "floor": "floor", "ceil": "ceil"}

MATRICES = frozenset("matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix array".split())
CASES = frozenset("cases dcases rcases".split())
ROW_ENVIRONMENTS = frozenset(
    "aligned split gathered alignedat align align* equation equation* gather gather* multline multline* eqnarray "
    "eqnarray* flalign flalign* alignat alignat* math displaymath subequations".split())
ENVIRONMENTS = MATRICES | CASES | ROW_ENVIRONMENTS
COLUMN_ARGUMENT = frozenset("array alignedat alignat alignat*".split())

# Commands that read, write, define or hide: never in a formula, whatever their argument.
REFUSED = frozenset(
    "input include includeonly includegraphics openin openout read readline write immediate closein closeout newread "
    "newwrite csname endcsname catcode lccode uccode mathcode def edef gdef xdef let futurelet newcommand "
    "renewcommand providecommand DeclareMathOperator newenvironment renewenvironment newtheorem usepackage "
    "RequirePackage documentclass documentstyle href url nolinkurl hyperref directlua latelua luaexec luadirect "
    "special expandafter noexpand aftergroup afterassignment global long outer protected string meaning jobname "
    "fontname the number romannumeral char chardef mathchar mathchardef mathchoice loop repeat unicode verb "
    "verbatiminput lstinputlisting include pdfliteral pdfobj shellescape ShellEscape scantokens detokenize endinput "
    "batchmode errmessage message show showthe typeout phantom hphantom vphantom rlap llap smash raise lower "
    "hskip vskip kern mkern mskip rule htmlClass htmlId htmlStyle htmlData require begingroup endgroup bgroup egroup "
    "if else fi ifx ifnum ifcat ifdefined iftrue iffalse or newif unexpanded everymath cite ref eqref pageref".split())

# A \\text of one of these words, or of several words beginning with one, is prose and not a name.
CONNECTIVES = frozenset("if otherwise else for where when with whenever and or such so then hence thus since because "
                        "by therefore given let assume suppose s.t. w.r.t. i.e. e.g. note assuming using".split())
PROSE = CONNECTIVES | frozenset("as on of the a an is are be let from all each every any in at to only both denotes "
                                "assume we get that this which not elementwise element-wise".split())
# Python words: in a line without LaTeX they mean code, which is another reader's.
RESERVED = frozenset("for in if else elif import class def return while not is with from global nonlocal del pass "
                     "yield await async raise try except finally assert and or True False None".split())


def _commands() -> dict[str, Entry]:
    table: dict[str, Entry] = {name: ("sym", name) for name in GREEK}
    table |= {name: ("sym", name) for name in ("ell", "nabla", "partial", "infty", "imath", "jmath", "hbar")}
    table |= {"emptyset": ("sym", "emptyset"), "varnothing": ("sym", "emptyset")}
    table |= {name: ("mark", name) for name in ("top", "bot", "intercal", "dagger", "ddagger", "prime")}
    table |= {name: ("mark", "dots") for name in "dots ldots cdots vdots ddots dotsc dotsb dotsm".split()}
    table |= {name: ("fun", name) for name in FUNCTIONS}
    table |= {name: ("big", name) for name in ("sum", "prod", "int")} | {"bigodot": ("big", "odot")}
    table |= {name: ("rel", op) for name, op in RELATIONS.items()}
    table |= {name: ("mul", op) for name, op in PRODUCTS.items()}
    table |= {"pm": ("add", "pm"), "mp": ("add", "mp")}
    table |= {name: ("logic", "and") for name in ("land", "wedge")} | {n: ("logic", "or") for n in ("lor", "vee")}
    table |= {name: ("accent", mark) for name, mark in ACCENTS.items()}
    table |= {name: ("font", mark) for name, mark in FONTS.items()}
    table |= {name: ("switch", mark) for name, mark in SWITCHES.items()}
    table |= {name: ("frac", "frac") for name in ("frac", "tfrac", "dfrac", "cfrac")} | {"sqrt": ("sqrt", "sqrt")}
    table |= {"over": ("over", "over"), "substack": ("substack", "substack"), "textcolor": ("colored", "textcolor")}
    table |= {name: ("wrap", "") for name in WRAPPERS} | {name: ("wrap", mark) for name, mark in BRACES.items()}
    table |= {name: ("sep", name) for name in ("quad", "qquad")}
    table |= {name: ("sep", "implies") for name in
              ("implies", "Rightarrow", "Longrightarrow", "iff", "Leftrightarrow", "Longleftrightarrow", "leadsto")}
    table |= {name: ("text", name) for name in ("forall", "therefore", "because")}
    table |= {"stackrel": ("over-rel", ""), "overset": ("over-rel", ""), "middle": ("middle", "")}
    table |= {"underset": ("under", ""), "mathop": ("under", "")}
    table |= {"hline": ("space", ""), "R": ("reals", "R")}
    table |= {key[1:]: entry for key, entry in DELIMITERS.items() if key[0] == "\\"}
    return table


COMMANDS = _commands()

LITERALS: dict[str, Entry] = {
    "=": ("rel", "="), ":=": ("rel", ":="), "==": ("rel", "=="), "=:": ("rel", "=:"), "!=": ("rel", "!="),
    "<=": ("rel", "<="), ">=": ("rel", ">="), "<": ("rel", "<"), ">": ("rel", ">"), "->": ("rel", "to"),
    ":": ("rel", ":"), "+": ("add", "+"), "-": ("add", "-"), "*": ("mul", "*"), "/": ("mul", "/"), "@": ("mul", "@"),
    ".*": ("mul", ".*"), "./": ("mul", "./"), "**": ("power", "**"), ".^": ("power", ".^"), ",": ("comma", ","),
    ";": ("semi", ";"), "!": ("factorial", "!"), "&": ("amp", "&"), "(": ("open", "("), ")": ("close", ")"),
    "[": ("open", "["), "]": ("close", "]"), "{": ("{", "{"), "}": ("}", "}"), "|": ("bar", "|"), "_": ("_", "_"),
    "^": ("^", "^"), "...": ("mark", "dots"), ".": ("dot", "."), ".T": ("dot-t", "T"),
    "−": ("add", "-"), "±": ("add", "pm"), "⊙": ("mul", "odot"), "∘": ("mul", "circ"), "∗": ("mul", "ast"),
    "·": ("mul", "cdot"), "⋅": ("mul", "cdot"), "•": ("mul", "bullet"), "×": ("mul", "times"), "⊗": ("mul", "otimes"),
    "⊘": ("mul", "oslash"), "÷": ("mul", "/"), "≔": ("rel", ":="), "≜": ("rel", ":="), "≡": ("rel", "equiv"),
    "≈": ("rel", "approx"), "≠": ("rel", "!="), "≤": ("rel", "<="), "≥": ("rel", ">="), "∈": ("rel", "in"),
    "∉": ("rel", "notin"), "→": ("rel", "to"), "↦": ("rel", "mapsto"), "←": ("rel", "gets"), "≻": ("rel", "succ"),
    "⪰": ("rel", "succeq"), "≽": ("rel", "succeq"), "∝": ("rel", "propto"), "∼": ("rel", "sim"),
    "∣": ("rel", "given"), "∑": ("big", "sum"), "∏": ("big", "prod"), "∂": ("sym", "partial"), "∇": ("sym", "nabla"),
    "∞": ("sym", "infty"), "∅": ("sym", "emptyset"), "ℓ": ("sym", "ell"), "ℝ": ("reals", "R"), "∀": ("text", "forall"),
    "∧": ("logic", "and"), "∨": ("logic", "or"), "⇒": ("sep", "implies"), "⇔": ("sep", "implies"),
    "…": ("mark", "dots"), "⋯": ("mark", "dots"), "′": ("'", "'"), "″": ("'", "''"), "⊤": ("mark", "top"),
    "∆": ("sym", "Delta"), "µ": ("sym", "mu"), "‖": ("bar", "||"), "∥": ("bar", "||"), "⟨": ("open", "<"),
    "⟩": ("close", ">"), "~": ("gap", "~"),
}
LITERALS |= {letter: ("sym", name) for letter, name in zip(
    "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩϕϵϑϱϖς",
    ("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
     "omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega varphi varepsilon vartheta varrho varpi varsigma"
     ).split(), strict=True)}

# Raised and lowered characters, as the text that the script would hold.
RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵀᵗˡᵏʲᵐᴸ", "0123456789+-=()niTtlkjmL", strict=True))
LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789+-=()aehijklmnoprstuvx", strict=True))
FRACTIONS = {"½": ("1", "2"), "⅓": ("1", "3"), "¼": ("1", "4"), "⅔": ("2", "3"), "¾": ("3", "4"), "⅛": ("1", "8")}
COMBINING = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0305": "bar", "\u0307": "dot", "\u0308": "ddot",
             "\u20d7": "vec", "\u030c": "check"}
# Words in the Unicode name of a mathematical letter, and the mark that they leave.
STYLED = {"BOLD": "bold", "ITALIC": "", "SCRIPT": "cal", "DOUBLE-STRUCK": "bb", "FRAKTUR": "frak"}
# What to write instead of a character that is refused although it looks at home.
ADVICE = {"\u00a0": "use a plain space", "–": "use - for minus", "—": "use - for minus", "\u200b": "delete it",
          "²": "write ^2", "#": "comments begin with %", "\"": "quotes belong to code", "‘": "use ' for a prime",
          "’": "use ' for a prime", "“": "quotes belong to code", "$": "a formula inside a formula"}
