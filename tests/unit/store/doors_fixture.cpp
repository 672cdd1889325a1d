#include "tests/unit/store/doors_fixture.hpp"

namespace relay::test {

std::vector<std::string> doors_fixture::published()
{
    std::vector<std::string> lines;
    for (const auto& f : sent()) {
        const auto text = [&](const char* key) {
            const auto* v = f.if_contains(key);
            return v ? std::string(v->as_string()) : std::string();
        };
        auto line = text("type");
        if (const auto id = text("id"); !id.empty())
            line += " " + id;
        if (line.starts_with("result"))
            line += f.at("ok").as_bool()
                        ? " ok"
                        : " " + std::string(f.at("error").as_object().at("code").as_string());
        if (line.starts_with("problem"))
            line += " " + text("code");
        if (const auto* seq = f.if_contains("seq"))
            line += " #" + std::to_string(seq->as_int64());
        lines.push_back(line);
    }
    return lines;
}

protocol::command doors_fixture::write(const std::string& id, const std::string& event_id)
{
    protocol::command c;
    c.id = id;
    c.op = "event.cancel";
    c.mailbox = "Host@corp.example";
    c.params = {{"event_id", event_id}};
    return c;
}

protocol::command doors_fixture::read(const std::string& id)
{
    protocol::command c;
    c.id = id;
    c.op = "connection.test";
    return c;
}

protocol::command doors_fixture::event_get(const std::string& id, const std::string& event_id)
{
    auto c = write(id, event_id);
    c.op = "event.get";
    return c;
}

protocol::result doors_fixture::ok(const std::string& id, std::size_t padding)
{
    protocol::json::object output{{"padding", std::string(padding, 'x')}};
    return {id, std::move(output), 2, 41ms};
}

} // namespace relay::test
