// Hosts edit the text of a booking in Outlook, which writes the whole body anew. The link of the meeting stays known.
#include "tests/integration/scenario.hpp"

#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

using namespace relay::test;

namespace {

const std::string url = "https://meet.example/j/1?a=1&b=2";
const std::string shown = "https://meet.example/j/1?a=1&amp;b=2";

std::string body_in_exchange(relay_world& w)
{
    return text_at(w.items(host).at(0).as_object(), "/body/content");
}

std::string body_as_answered(relay_world& w)
{
    const auto read = w.call("event.get", host, {{"event_id", "e-1"}});
    INFO(described(read));
    REQUIRE(outcome(read) == "ok");
    return text_at(read, "/output/body/content");
}

} // namespace

TEST_CASE("a body that Word or Outlook has rewritten is answered without our link, and a new link replaces "
          "the old one",
          "[integration]")
{
    const auto [rewritten, rest] = GENERATE_REF(table<std::string, std::string>(
        {{"<div class=WordSection1><p class=MsoNormal>Agenda, changed</p><div><p class=MsoNormal>Join "
          "online: <a href=\"" +
              shown + "\"><span lang=EN-US>" + shown + "</span></a><o:p></o:p></p></div></div>",
          "<div class=WordSection1><p class=MsoNormal>Agenda, changed</p></div>"},
         {"<!-- Converted from text/rtf format --><p><font size=2>Agenda</font></p><p><font size=2>Join "
          "online: </font><a href=\"" +
              shown + "\"><u>" + shown + "</u></a></p>",
          "<!-- Converted from text/rtf format --><p><font size=2>Agenda</font></p>"},
         {"<div class=\"elementToProof\">Agenda</div><div id=\"x_workestra-online-meeting\"><div "
          "class=\"elementToProof\">Join "
          "online:&nbsp;<a href=\"" +
              shown + "\">" + shown + "</a></div></div>",
          "<div class=\"elementToProof\">Agenda</div>"}}));
    scenario w;
    auto params = booking("e-1");
    params["body"] = {{"format", "html"}, {"content", "<p>Agenda</p>"}};
    params["online_meeting_url"] = url;
    REQUIRE(outcome(w.call("event.create", host, params)) == "ok");
    CHECK(body_as_answered(w) == "<p>Agenda</p>");

    const auto id = text_at(w.items(host).at(0).as_object(), "/id");
    w.exchange().patch("/mailboxes/" + std::string(host) + "/items/" +
                           boost::urls::encode(id, boost::urls::unreserved_chars),
                       {{"body", {{"type", "HTML"}, {"content", rewritten}}}});
    CHECK(body_as_answered(w) == rest);

    const auto update = [&](json::value link) {
        REQUIRE(outcome(w.call("event.update", host,
                               {{"event_id", "e-1"}, {"set", {{"online_meeting_url", std::move(link)}}}})) ==
                "ok");
    };
    update("https://meet.example/new");
    CHECK(body_in_exchange(w).find("/j/1") == std::string::npos);
    CHECK(body_in_exchange(w).find("https://meet.example/new") != std::string::npos);
    CHECK(body_as_answered(w) == rest);
    update(nullptr);
    CHECK(body_in_exchange(w).find("meet.example") == std::string::npos);
    CHECK(body_as_answered(w) == rest);
}
