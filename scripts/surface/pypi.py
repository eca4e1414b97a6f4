"""Reads PyPI's `openai` (a folder) and prints its operations and types as JSON: the same form as npm.mjs makes.

The code is parsed, never run. A form that is not understood stops it, with the place.
"""

import ast
import json
import re
import sys
from pathlib import Path

ROOT = Path(sys.argv[1])
VERBS = {"_get": "GET", "_get_api_list": "GET", "_post": "POST", "_put": "PUT", "_patch": "PATCH", "_delete": "DELETE"}
PLAIN = {
    "str": {"type": "string"}, "int": {"type": "integer"}, "float": {"type": "number"}, "bool": {"type": "boolean"},
    "None": {"type": "null"}, "object": {}, "Any": {}, "datetime": {"type": "string", "format": "date-time"},
    "StrictStr": {"type": "string"}, "StrictBool": {"type": "boolean"}, "StrictInt": {"type": "integer"}, "StrictFloat": {"type": "number"},
    "date": {"type": "string", "format": "date"}, "bytes": {"type": "string", "format": "binary"},
}
FILES = {"FileTypes", "Base64FileInput", "HttpxBinaryResponseContent", "HttpxBinaryResponse"}
LISTS = {"List", "Iterable", "Sequence", "SequenceNotStr", "Tuple", "list"}
MAPS = {"Dict", "Mapping", "dict"}
WRAPPERS = {"Required", "NotRequired", "Annotated"}


class Module:
    """One file: its classes, aliases and imports by name."""

    loaded = {}

    def __init__(self, path):
        self.path = path
        self.imports, self.own = {}, {}
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = path.parent
                for _ in range(node.level - 1):
                    base = base.parent
                target = base.joinpath(*(node.module or "").split(".")) if node.module else base
                for name in node.names:
                    self.imports.setdefault(name.asname or name.name, (target, name.name))
            elif isinstance(node, ast.ClassDef):
                self.own.setdefault(node.name, node)
            elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Name):
                    self.own.setdefault(target.id, node)

    @classmethod
    def at(cls, path):
        file = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
        if file not in cls.loaded:
            cls.loaded[file] = cls(file)
        return cls.loaded[file]

    @property
    def name(self):
        return ".".join(self.path.relative_to(ROOT).with_suffix("").parts)

    def find(self, name):
        """The module and the definition of a name, through imports."""
        if name in self.own:
            return self, self.own[name]
        if name in self.imports:
            target, original = self.imports[name]
            if (target / original).is_dir() or (target / f"{original}.py").exists():
                return Module.at(target / original), None
            return Module.at(target).find(original)
        return None


def stop(module, node, what):
    sys.exit(f"{module.path}:{node.lineno}:{node.col_offset + 1}: {what}: {ast.unparse(node)[:200]}")


defs = {}


def any_of(members):
    """One of several; literals become one enum."""
    out = []
    for member in (inner for one in members for inner in (one["anyOf"] if set(one) == {"anyOf"} else [one])):
        same = next((one for one in out if "enum" in one and "enum" in member and one["type"] == member["type"]), None)
        if same:
            same["enum"] += [value for value in member["enum"] if value not in same["enum"]]
        elif member not in out:
            out.append(dict(member))
    return out[0] if len(out) == 1 else {"anyOf": out}


def literal(module, node):
    value = ast.literal_eval(node)
    kinds = {bool: "boolean", int: "integer", str: "string", type(None): "null"}
    kind = kinds.get(type(value)) or stop(module, node, "an unknown literal")
    return {"type": "null"} if value is None else {"type": kind, "enum": [value]}


def parts(node):
    return node.elts if isinstance(node, ast.Tuple) else [node]


def schema(module, node):
    """An annotation as JSON Schema."""
    if isinstance(node, ast.Constant):
        if node.value is None:
            return {"type": "null"}
        if isinstance(node.value, str):
            return schema(module, ast.parse(node.value, mode="eval").body)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return any_of([schema(module, node.left), schema(module, node.right)])
    if isinstance(node, ast.Subscript):
        name = ast.unparse(node.value).split(".")[-1]
        inner = parts(node.slice)
        if name == "Union":
            return any_of([schema(module, one) for one in inner if ast.unparse(one) != "Omit"])
        if name == "Optional":
            return any_of([schema(module, inner[0]), {"type": "null"}])
        if name == "Literal":
            return any_of([literal(module, one) for one in inner])
        if name in LISTS:
            return {"type": "array", "items": schema(module, inner[0])}
        if name in MAPS:
            return {"type": "object", "additionalProperties": schema(module, inner[1])}
        if name in WRAPPERS:
            return schema(module, inner[0])
        stop(module, node, "an unknown generic type")
    if isinstance(node, ast.Attribute):
        if ast.unparse(node.value) == "builtins":
            return dict(PLAIN[node.attr])
        found = module.find(ast.unparse(node.value))
        if not found:
            stop(module, node, "a name from elsewhere")
        return schema(found[0], ast.Name(node.attr, lineno=node.lineno, col_offset=0))
    if isinstance(node, ast.Name):
        if node.id in FILES:
            return {"type": "string", "format": "binary"}
        found = module.find(node.id)
        if found:
            return reference(node.id, *found)
        if node.id in PLAIN:
            return dict(PLAIN[node.id])
    stop(module, node, "an unknown form of type")


def reference(name, module, node):
    """A named type, described once."""
    if node is None:
        sys.exit(f"{module.path}: {name} is a module, not a type")
    full = f"{module.name}.{node.name if isinstance(node, ast.ClassDef) else name}"
    if isinstance(node, ast.ClassDef):
        if full not in defs:
            defs[full] = {}
            properties, required = {}, []
            fields(module, node, properties, required)
            defs[full].update({"type": "object", "properties": properties})
            if required:
                defs[full]["required"] = required
        return {"$ref": f"#/$defs/{full}"}
    key = getattr(node, "targets", [getattr(node, "target", None)])[0].id
    full = f"{module.name}.{key}"
    if full not in defs:
        defs[full] = {}
        value = node.value
        if isinstance(value, ast.Call) and ast.unparse(value.func).endswith("TypedDict"):
            total = not any(word.arg == "total" and word.value.value is False for word in value.keywords)
            properties, required = {}, []
            for field, annotation in zip(value.args[1].keys, value.args[1].values):
                add(module, field.value, annotation, None, total, properties, required)
            defs[full].update({"type": "object", "properties": properties, "required": required})
        else:
            defs[full].update(schema(module, value))
    return {"$ref": f"#/$defs/{full}"}


def add(module, name, annotation, value, total, properties, required):
    """One field of a class; an alias is what stands on the wire."""
    text = ast.unparse(annotation)
    alias = re.search(r"PropertyInfo\([^)]*alias='([^']+)'", text)
    if isinstance(value, ast.Call):
        alias = next((word.value for word in value.keywords if word.arg == "alias"), None)
        name = alias.value if alias else name
    elif alias:
        name = alias.group(1)
    properties[name] = schema(module, annotation)
    if text.startswith("Required[") or (total and not text.startswith("NotRequired[") and value is None and not text.startswith("Optional[")):
        required.append(name)


def fields(module, node, properties, required):
    """Fields of a class, inherited ones first."""
    for base in node.bases:
        name = ast.unparse(base)
        if name.split("[")[0] in ("TypedDict", "BaseModel", "Generic", "GenericModel", "object"):
            continue
        found = module.find(name.split("[")[0])
        if not found or found[1] is None:
            stop(module, base, "a base from elsewhere")
        if isinstance(found[1], ast.ClassDef):
            if found[1].name != "BaseModel":
                fields(*found, properties, required)
        else:
            inner = defs[reference(name, *found)["$ref"][8:]]
            properties.update(inner["properties"])
            required.extend(inner.get("required", []))
    total = not any(word.arg == "total" and word.value.value is False for word in node.keywords)
    for part in node.body:
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name) and not part.target.id.startswith("_"):
            if ast.unparse(part.annotation).startswith("ClassVar") or part.target.id.startswith("__"):
                continue
            add(module, part.target.id, part.annotation, part.value, total, properties, required)


def address(module, node):
    if isinstance(node, ast.Call):
        node = node.args[0]
    if isinstance(node, ast.Constant):
        return re.sub(r"{(\w+)}", "{}", node.value)
    stop(module, node, "an unknown form of path")


def sent(module, method, call, which):
    """The typed dictionary that a body or a query is transformed by: of its fields those that are sent there."""
    for word in (word for node in ast.walk(call) if isinstance(node, ast.Call) for word in node.keywords):
        if word.arg != which or not isinstance(word.value, ast.Call) or ast.unparse(word.value.func) != "maybe_transform":
            continue
        value, kind = word.value.args
        if isinstance(value, ast.Name):
            made = (node.value for node in ast.walk(method) if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == value.id)
            value = next((one.args[0] if isinstance(one, ast.Call) else one for one in made), None)
        name = name_of(schema(module, kind.orelse if isinstance(kind, ast.IfExp) else kind))
        if not isinstance(value, ast.Dict) or not name:
            return name
        keys, all_of = [key.value for key in value.keys], whole(name)
        defs[f"{name}.{which}"] = {
            "type": "object",
            "properties": {key: value for key, value in all_of["properties"].items() if key in keys},
            "required": [key for key in all_of["required"] if key in keys],
        }
        return f"{name}.{which}"
    return None


def whole(name):
    """The fields of a type; of a union of objects those of all."""
    todo, out = [{"$ref": f"#/$defs/{name}"}], {"type": "object", "properties": {}, "required": []}
    while todo:
        node = todo.pop(0)
        node = defs[node["$ref"][8:]] if "$ref" in node else node
        todo += node.get("anyOf", []) + ([{"$ref": node["$ref"]}] if "$ref" in node else [])
        out["properties"] |= {key: value for key, value in node.get("properties", {}).items() if key not in out["properties"]}
        out["required"] += [key for key in node.get("required", []) if key not in out["required"]]
    return out


def name_of(node):
    return node.get("$ref", "")[8:] or None


def answered(module, node):
    """Types of the answer and of its events, from the declared return type."""
    out = {}
    todo = [node]
    while todo:
        one = todo.pop(0)
        if isinstance(one, ast.BinOp):
            todo += [one.left, one.right]
        elif isinstance(one, ast.Subscript):
            name = ast.unparse(one.value)
            if "Page" in name:
                out.setdefault("answer", name_of(schema(module, one.slice)))
            elif name in ("Stream", "AsyncStream"):
                out.setdefault("events", name_of(schema(module, one.slice)))
            elif name in ("Union", "Optional"):
                todo += parts(one.slice)
        elif isinstance(one, ast.Name) and one.id not in ("None", "str", "object") and one.id not in FILES:
            found = module.find(one.id)
            if found and "types" in found[0].path.parts:
                out.setdefault("answer", name_of(schema(module, one)))
    return {key: value for key, value in out.items() if value}


operations = []
for path in sorted(ROOT.glob("resources/**/*.py")):
    module = Module.at(path.with_suffix(""))
    for group in (node for node in module.own.values() if isinstance(node, ast.ClassDef) and not node.name.startswith("Async")):
        for method in (node for node in group.body if isinstance(node, ast.FunctionDef)):
            for call in (node for node in ast.walk(method) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                if call.func.attr not in VERBS or ast.unparse(call.func.value) != "self" or not call.args:
                    continue
                verb = next((word.value.value.upper() for word in call.keywords if word.arg == "method"), VERBS[call.func.attr])
                row = {"method": verb, "path": address(module, call.args[0]), "at": f"{path.relative_to(ROOT)}:{call.lineno}"}
                row |= {which: name for which in ("body", "query") if (name := sent(module, method, call, which))}
                row |= answered(module, method.returns) if method.returns else {}
                operations.append(row)

messages = []
for path in sorted(ROOT.glob("types/**/*_event.py")):
    module = Module.at(path.with_suffix(""))
    for name in module.own:
        if re.search("(Client|Server)Event$|^UnwrapWebhookEvent$", name) and not isinstance(module.own[name], ast.ClassDef):
            messages.append(name_of(reference(name, module, module.own[name])))

json.dump({"operations": operations, "messages": messages, "defs": defs}, sys.stdout)
