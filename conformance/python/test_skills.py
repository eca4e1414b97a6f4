"""Skills and containers as openai-python's guides have them."""

import io
import zipfile

import openai
import pytest

SKILL = "---\nname: tables\ndescription: >\n  Reads\n  tables.\n---\nHow to."


def archive(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr("tables/SKILL.md", text)
        files.writestr("tables/run.py", "print(1)")
    return out.getvalue()


def test_a_skill_comes_as_an_archive_or_as_files(session):
    client = session([]).client
    sent = archive(SKILL)
    skill = client.skills.create(files=("skill.zip", sent))
    assert (skill.name, skill.description.strip(), skill.default_version) == ("tables", "Reads tables.", "1")
    assert client.skills.content.retrieve(skill.id).read() == sent
    second = client.skills.versions.create(
        skill.id, files=[("t/SKILL.md", SKILL.encode()), ("t/more.txt", b"more")], default=True
    )
    got = zipfile.ZipFile(io.BytesIO(client.skills.versions.content.retrieve(second.version, skill_id=skill.id).read()))
    assert got.testzip() is None and got.read("t/more.txt") == b"more"
    assert client.skills.retrieve(skill.id).default_version == "2"
    assert [one.version for one in client.skills.versions.list(skill.id)] == ["2", "1"]
    assert client.skills.versions.delete("1", skill_id=skill.id).deleted
    with pytest.raises(openai.BadRequestError):
        client.skills.create(files=("skill.zip", archive("no front matter")))
    assert client.skills.delete(skill.id).deleted
    assert list(client.skills.list()) == []


def test_code_leaves_files_in_a_container(session):
    call = {"type": "code_interpreter_call", "code": "plot()", "files": [{"filename": "sum.txt", "text": "three"}]}
    client = session([{"output": [call, {"text": "See sum.txt."}]}]).client
    response = client.responses.create(
        model="gpt-4.1", input="sum", tools=[{"type": "code_interpreter", "container": {"type": "auto"}}]
    )
    cited = response.output[1].content[0].annotations[0]
    assert (cited.type, cited.filename) == ("container_file_citation", "sum.txt")
    content = client.containers.files.content.retrieve(cited.file_id, container_id=cited.container_id)
    assert content.read() == b"three"
    client.containers.delete(cited.container_id)
    with pytest.raises(openai.NotFoundError):
        client.containers.files.list(cited.container_id)
