#include "tests/unit/uplink/uplink_fixture.hpp"

#include <boost/json/parse.hpp>

namespace relay::test {

std::vector<std::string> uplink_fixture::heard(std::size_t link)
{
    settle();
    std::vector<std::string> lines;
    const auto& w = *(link == std::string::npos ? cloud.links.back() : cloud.links.at(link));
    for (const auto& frame : w.from_agent) {
        const auto f = boost::json::parse(frame).as_object();
        std::string line(f.at("type").as_string());
        if (const auto* id = f.if_contains("id"))
            line += " " + std::string(id->as_string());
        if (const auto* error = f.if_contains("error"))
            line += " " + std::string(error->as_object().at("code").as_string());
        if (const auto* seq = f.if_contains("seq"))
            line += " #" + std::to_string(seq->as_int64());
        lines.push_back(line);
    }
    return lines;
}

void uplink_fixture::answer(const std::string& id)
{
    const auto t = await(in.next());
    REQUIRE(t.has_value());
    REQUIRE((*t)->id == id);
    await(out.answer_read({id, boost::json::object(), 1, 1ms}, time.now() + 1min));
    in.release(*t);
    settle();
}

} // namespace relay::test
