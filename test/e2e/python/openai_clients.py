"""What OpenAI's Python client can do at a rosa2, feature by feature, as one JSON object on standard output."""

import json
import os
import sys

import openai
from pydantic import BaseModel

client = openai.OpenAI(
    base_url=os.environ["ROSA2_URL"] + "/v1", api_key=os.environ["ROSA2_KEY"], max_retries=0
)
model = "fake-mini"
schema = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
earlier = [
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "echo: one"},
    {"role": "user", "content": "two"},
]
long = " ".join(f"word{i}" for i in range(40))
chat_tools = [{"type": "function", "function": {"name": "weather", "parameters": schema}}]
flat_tools = [{"type": "function", "name": "weather", "parameters": schema, "strict": True}]


class City(BaseModel):
    city: str


def user(content):
    return [{"role": "user", "content": content}]


def rain(arguments):
    return f"rain in {json.loads(arguments)['city']}"


def status_of(work):
    try:
        work()
    except openai.NotFoundError as error:
        return error.status_code


class Chat:
    def create(self, messages, **more):
        return client.chat.completions.create(model=model, messages=messages, **more)

    def text(self):
        return self.create(user("hi")).choices[0].message.content

    def stream(self):
        with client.chat.completions.stream(model=model, messages=user("hi")) as stream:
            for _ in stream:
                pass
            return stream.get_final_completion().choices[0].message.content

    def abort(self):
        with self.create(user(long), stream=True) as stream:
            for seen, _ in enumerate(stream):
                if seen == 3:
                    break
        return "left"

    def tools(self):
        messages = user("the weather")
        message = self.create(messages, tools=chat_tools).choices[0].message
        messages.append(message)
        for call in message.tool_calls:
            result = rain(call.function.arguments)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
        return self.create(messages, tools=chat_tools).choices[0].message.content

    def parallel_tools(self):
        message = self.create(user("both cities"), tools=chat_tools).choices[0].message
        return len(message.tool_calls)

    def json_schema(self):
        parsed = client.chat.completions.parse(
            model=model, messages=user("an object"), response_format=City
        )
        return parsed.choices[0].message.parsed.model_dump()

    def thinking(self):
        return self.create(user("hi")).choices[0].message.reasoning_content

    def history(self):
        return self.create(earlier).choices[0].message.content

    def errors(self):
        return status_of(
            lambda: client.chat.completions.create(model="gpt-4o", messages=user("hi"))
        )


class Responses:
    def create(self, given, **more):
        return client.responses.create(model=model, input=given, **more)

    def text(self):
        return self.create("hi").output_text

    def stream(self):
        with client.responses.stream(model=model, input="hi") as stream:
            for _ in stream:
                pass
            return stream.get_final_response().output_text

    def abort(self):
        with self.create(long, stream=True) as stream:
            for seen, _ in enumerate(stream):
                if seen == 5:
                    break
        return "left"

    def tools(self):
        asked = self.create("the weather", tools=flat_tools)
        results = [
            {
                "type": "function_call_output",
                "call_id": item.call_id,
                "output": rain(item.arguments),
            }
            for item in asked.output
            if item.type == "function_call"
        ]
        return self.create(results, tools=flat_tools, previous_response_id=asked.id).output_text

    def parallel_tools(self):
        output = self.create("both cities", tools=flat_tools).output
        return sum(item.type == "function_call" for item in output)

    def json_schema(self):
        parsed = client.responses.parse(model=model, input="an object", text_format=City)
        return parsed.output_parsed.model_dump()

    def thinking(self):
        thoughts = [item for item in self.create("hi").output if item.type == "reasoning"]
        return thoughts[0].summary[0].text

    def history(self):
        first = self.create("one")
        return self.create("two", previous_response_id=first.id).output_text

    def errors(self):
        return status_of(lambda: client.responses.create(model="gpt-4o", input="hi"))


features = "text stream abort tools parallel_tools json_schema thinking history errors".split()


def found(of, feature):
    try:
        return getattr(of, feature)()
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"


json.dump(
    {
        name: {feature: found(of, feature) for feature in features}
        for name, of in (("chat.completions", Chat()), ("responses", Responses()))
    },
    sys.stdout,
)
