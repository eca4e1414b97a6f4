"""Vector stores, fine-tuning and evals as openai-python's guides have them."""

import json


def test_a_vector_store_is_filled_searched_and_found_in(session):
    search = {"type": "file_search_call", "queries": ["lighthouse keeper"]}
    call = {"output": [search], "text": "The keeper climbs."}
    client = session([call]).client
    store = client.vector_stores.create(name="help", expires_after={"anchor": "last_active_at", "days": 7})
    keeper = client.vector_stores.files.upload_and_poll(
        vector_store_id=store.id, file=("keeper.md", b"The lighthouse keeper climbs the stairs."), attributes={"n": 1}
    )
    assert (keeper.status, keeper.attributes) == ("completed", {"n": 1})
    batch = client.vector_stores.file_batches.upload_and_poll(
        vector_store_id=store.id, files=[("shipping.md", b"Shipping takes three days.")]
    )
    assert (batch.status, batch.file_counts.completed) == ("completed", 1)
    found = client.vector_stores.search(store.id, query="How long does shipping take?", max_num_results=1)
    assert [one.filename for one in found] == ["shipping.md"]
    response = client.responses.create(
        model="gpt-4o",
        input="Who climbs?",
        include=["file_search_call.results"],
        tools=[{"type": "file_search", "vector_store_ids": [store.id]}],
    )
    search, message = response.output
    assert search.results[0].filename == "keeper.md"
    assert message.content[0].annotations[0].file_id == keeper.id
    assert client.vector_stores.delete(store.id).deleted


def test_a_model_is_tuned_to_completion(session):
    client = session(["Oslo."]).client
    messages = [{"role": "user", "content": "Norway?"}, {"role": "assistant", "content": "Oslo."}]
    lines = "\n".join([json.dumps({"messages": messages})] * 10)
    file = client.files.create(file=("train.jsonl", lines.encode()), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(
        model="gpt-4o-mini-2024-07-18",
        training_file=file.id,
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
    )
    while job.status not in ("succeeded", "failed", "cancelled"):
        job = client.fine_tuning.jobs.retrieve(job.id)
    assert (job.status, job.hyperparameters.n_epochs) == ("succeeded", 2)
    events = [event.message for event in client.fine_tuning.jobs.list_events(job.id, limit=5)]
    assert events[-1] == f"Created fine-tuning job: {job.id}"
    assert client.files.content(job.result_files[0]).text.startswith("step,train_loss")
    answer = client.chat.completions.create(
        model=job.fine_tuned_model, messages=[{"role": "user", "content": "Norway?"}]
    )
    assert answer.choices[0].message.content == "Oslo."
    assert client.models.delete(job.fine_tuned_model).deleted


def test_an_eval_is_run(session):
    client = session(["Oslo"], strict=False).client
    criterion = {
        "type": "string_check",
        "name": "exact",
        "operation": "eq",
        "input": "{{ sample.output_text }}",
        "reference": "{{ item.answer }}",
    }
    config = {"type": "custom", "item_schema": {"type": "object"}, "include_sample_schema": True}
    made = client.evals.create(name="cities", data_source_config=config, testing_criteria=[criterion])
    source = {"type": "file_content", "content": [{"item": {"answer": "Oslo"}}]}
    template = {"type": "template", "template": [{"role": "user", "content": "Capital of Norway?"}]}
    run = client.evals.runs.create(
        eval_id=made.id,
        data_source={"type": "completions", "model": "gpt-4o-mini", "source": source, "input_messages": template},
    )
    while run.status not in ("completed", "failed", "canceled"):
        run = client.evals.runs.retrieve(run.id, eval_id=made.id)
    assert (run.result_counts.passed, run.result_counts.total) == (1, 1)
    assert [item.status for item in client.evals.runs.output_items.list(run.id, eval_id=made.id)] == ["pass"]
