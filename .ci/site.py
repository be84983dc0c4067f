"""Hooks of mkdocs.yml: pages made from YAML files, modules and the notebook; links mended."""

import ast
import json
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from os.path import relpath
from pathlib import Path

import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MARK = re.compile(r"<!-- (include|generate) (\S+) -->")
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
# Files whose text is a page of the site.
INCLUDED = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "development/contributing.md",
    "CHANGELOG.md": "development/changelog.md",
    "LOG.md": "development/log.md",
    "benchmarks/README.md": "development/benchmarks.md",
    "docs/notebook.ipynb": "notebook.md",
}


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page with its marks replaced and its links mended."""
    here = Path(page.file.src_uri)
    generators = {
        "config": config_keys,
        "sweeps": sweep_files,
        "files": file_list,
        "notebook": notebook,
        "public": public_names,
    }

    def replaced(mark: re.Match[str]) -> str:
        if mark[1] == "generate":
            return generators[mark[2]]()
        source = ROOT / mark[2]
        return mend_links(re.sub(r"\A# .*\n", "", source.read_text()), source.parent, here)

    return MARK.sub(replaced, mend_links(markdown, (DOCS / here).parent, here))


def mend_links(markdown: str, base: Path, here: Path) -> str:
    """Return Markdown whose relative links start at `base`, with links that start at a page.

    A link to what is no page of the site becomes its text.
    """

    def target(link: re.Match[str]) -> str:
        picture, text, path, anchor = link[1], link[2], link[3], link[4] or ""
        if ":" in path:
            return link[0]
        file = (base / path).resolve()
        name = str(file.relative_to(ROOT))
        if name in INCLUDED:
            file = DOCS / INCLUDED[name]
        if file.is_relative_to(DOCS) and file.is_file():
            return f"{picture}[{text}]({relpath(file, (DOCS / here).parent)}{anchor})"
        return text

    return LINK.sub(target, markdown)


def first_sentence(file: Path) -> str:
    """Return what a file says of itself first."""
    text = file.read_text()
    if file.suffix == ".py":
        docstring = ast.get_docstring(ast.parse(text)) or ""
        return docstring.split("\n\n")[0].replace("\n", " ")
    commands, prose = opening(text)
    return re.split(r"(?<=[.?])\s", prose or commands[0], maxsplit=1)[0]


def opening(text: str) -> tuple[list[str], str]:
    """Return the commands in the comment that a YAML file begins with, and its sentences."""
    commands, sentences = list[str](), list[str]()
    for line in takewhile(lambda line: line.startswith("#"), text.splitlines()):
        said = line.removeprefix("#").strip()
        is_continued = bool(commands) and not sentences and commands[-1].endswith("\\")
        if is_continued or re.match(r"(uv run|convsweep|python) ", said):
            commands.append(f"  {said}" if is_continued else said)
        elif not said.startswith("@package"):
            sentences.append(said)
    return commands, " ".join(sentences)


def comment_after(text: str, place: int) -> str:
    """Return the comment that ends the line of a place in a text, and what continues it: comments
    on the next lines, indented by more than the line.
    """
    start = text.rfind("\n", 0, place) + 1
    indent = len(re.match(" *", text[start:])[0])
    first, *rest = text[place:].split("\n")
    found = re.search(r"(?:^|\s)#\s*(.*)", first)
    if not found:
        return ""
    more = takewhile(re.compile(rf" {{{indent + 1},}}#").match, rest)
    return " ".join([found[1].strip(), *(line.strip("# ") for line in more)])


def keys(text: str, node: yaml.Node, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield key, default and comment of every entry below a node."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if key.value == "defaults":
            continue
        name = f"{prefix}{key.value}"
        is_collection = isinstance(value, yaml.CollectionNode)
        is_block = is_collection and not value.flow_style
        comment = comment_after(text, (key if is_block else value).end_mark.index)
        if is_block and isinstance(value, yaml.MappingNode):
            if comment:
                yield name, "", comment
            yield from keys(text, value, f"{name}.")
            continue
        default = text[value.start_mark.index : value.end_mark.index].strip()
        if is_block or "\n" in default:
            yield name, f"{len(value.value)} items" if is_collection else "a text", comment
        else:
            yield name, f"`{default or 'null'}`", comment


def table(kind: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, in a block whose class is its kind."""
    lines = [" | ".join(text.replace("|", "\\|") for text in row) for row in (head, *rows)]
    lines.insert(1, " | ".join("---" for _ in head))
    rows_text = "\n".join(f"| {line} |" for line in lines)
    return f'<div class="{kind}" markdown>\n\n{rows_text}\n\n</div>\n'


def config_keys() -> str:
    """Return a section for each group of conf/, with each file's keys, defaults and comments."""
    conf = ROOT / "conf"
    files = sorted(conf.rglob("*.yaml"), key=lambda file: (str(file.parent), file.name))
    parts, group = [], ""
    for file in files:
        place = file.relative_to(conf)
        if place.parts[0] == "sweeps":
            continue
        if str(place.parent) != group:
            group = str(place.parent)
            title = "top level" if group == "." else group
            parts.append(f"## {title} {{ #group-{re.sub('[/ ]', '-', title)} }}\n")
        text = file.read_text()
        name = place.stem if group == "." else f"{group}={place.stem}"
        anchor = str(place.with_suffix("")).replace("/", "-")
        commands, prose = opening(text)
        parts.append(f"### `{name}` {{ #{anchor} }}\n\n{prose}\n")
        if commands:
            parts.append("\n".join(["```bash", *commands, "```\n"]))
        rows = [(f"`{key}`", *others) for key, *others in keys(text, yaml.compose(text))]
        if rows:
            parts.append(table("keys", ("key", "default", "meaning"), rows))
    return "\n".join(parts)


def sweep_files() -> str:
    """Return the search spaces as they stand."""
    files = sorted((ROOT / "sweeps").glob("*.yaml"))
    return "\n".join(f"## {file.stem}\n\n```yaml\n{file.read_text()}```\n" for file in files)


def file_list() -> str:
    """Return every module, config and search space with the sentence that it begins with."""
    folders = [ROOT / name for name in ("src", "packages", "benchmarks", "conf", "sweeps")]
    found = [folder.rglob(kind) for folder in folders for kind in ("*.py", "*.yaml")]
    files = [file for some in found for file in sorted(some)]
    parts = []
    for folder in dict.fromkeys(file.parent for file in files):
        name = str(folder.relative_to(ROOT))
        if name.startswith("conf/sweeps"):
            continue
        rows = [(f"`{file.name}`", first_sentence(file)) for file in files if file.parent == folder]
        parts.append(f"## {name}\n\n{table('files', ('file', 'what it is'), rows)}")
    return "\n".join(parts)


def notebook() -> str:
    """Return the notebook as Markdown."""
    cells = json.loads((DOCS / "notebook.ipynb").read_text())["cells"]
    texts = ["".join(cell["source"]) for cell in cells]
    return "\n\n".join(
        text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```"
        for cell, text in zip(cells, texts, strict=True)
    )


def public_names() -> str:
    """Return the public names of hydra_study: what its `__init__` imports for type checkers."""
    text = (ROOT / "src" / "hydra_study" / "__init__.py").read_text()
    names = re.findall(r"from (hydra_study\.\w+(?:\.\w+)*) import (\w+) as", text)
    modules = {f"hydra_study.{name}" for name in ("trial", "kinds", "attributes")}
    return "\n\n".join(f"::: {module}.{name}" for module, name in names if module not in modules)
