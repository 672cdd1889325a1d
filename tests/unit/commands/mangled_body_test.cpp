// Bodies as Word, Outlook and new Outlook leave them after a host has edited a meeting: what was our element is theirs now.
#include "agent/commands/meeting.hpp"
#include "agent/commands/meeting_body.hpp"

#include <catch2/catch.hpp>

using namespace relay;
using namespace relay::commands;
using protocol::body_format;
using protocol::event_body;

namespace {

const std::string url = "https://meet.example/j/1?a=1&b=2";
const std::string shown = "https://meet.example/j/1?a=1&amp;b=2";

std::string html_without_link(const std::string& html)
{
    const auto rest = without_link({body_format::html, html}, url);
    return rest ? rest->content : "(no body)";
}

ews::item item_with(const event_body& body)
{
    ews::item i;
    i.fields.body = body;
    i.fields.online_meeting_url = url;
    i.body_note = note_of(event_body{body_format::html, "<p>Agenda</p>"}); // of what was given once
    return i;
}

} // namespace

TEST_CASE("the link is taken out of a body that Word has rewritten", "[unit][commands]")
{
    const std::string before =
        "<div class=\"WordSection1\">\r\n<p class=\"MsoNormal\">Agenda, <b>changed</b><o:p></o:p></p>\r\n";
    const std::string after = "</div>\r\n";
    const std::string link = "<div>\r\n<p class=\"MsoNormal\"><span style='mso-fareast-font-family:\"Times "
                             "New Roman\"'>Join online:\r\n<a href=\"" +
                             shown + "\"><span lang=EN-US>" + shown +
                             "</span></a><o:p></o:p></span></p>\r\n</div>\r\n";
    CHECK(html_without_link(before + link + after) == before + "\r\n" + after);
}

TEST_CASE("the link is taken out of a body that was converted from rich text", "[unit][commands]")
{
    const std::string head =
        "<!-- Converted from text/rtf format -->\r\n<p><font size=2>Agenda</font></p>\r\n";
    const std::string link = "<p><font size=2>Join online: </font><a href=\"" + shown +
                             "\"><u><font size=2 color=\"#0000FF\">" + shown + "</font></u></a></p>";
    CHECK(html_without_link(head + link) == head);
}

TEST_CASE("the link is taken out if new Outlook has prefixed the element's id and put another inside",
          "[unit][commands]")
{
    const std::string agenda = "<div class=\"elementToProof\">Agenda</div>";
    const std::string link =
        "<div id=\"x_workestra-online-meeting\"><div class=\"elementToProof\">Join online:&nbsp;<a href=\"" +
        shown + "\" data-auth=\"NotApplicable\">" + shown + "</a></div></div>";
    CHECK(html_without_link(agenda + link) == agenda);
}

TEST_CASE("the link is taken out of a text that Outlook has made HTML, with its rule", "[unit][commands]")
{
    const std::string html = "<p>Agenda<br><br>________________________________<br>Join online: <a href='" +
                             shown + "'>" + shown + "</a><br></p>";
    CHECK(html_without_link(html) == "<p>Agenda<br><br></p>");
    CHECK(html_without_link("<p>Agenda</p><p>________________</p><p>Join online: " + shown + "</p>") ==
          "<p>Agenda</p>");
}

TEST_CASE("what a host wrote beside the link stays", "[unit][commands]")
{
    const std::string mine = "<p>See <a href=\"" + shown + "\">the room</a></p>";
    CHECK(html_without_link(mine) == mine);
    CHECK(html_without_link("<p>Join online: <a href=\"" + shown + "\">x</a> or call 12345</p>") ==
          "<p> or call 12345</p>");
    const std::string other =
        "<p>Join online: <a href=\"https://other.example/\">https://other.example/</a></p>";
    CHECK(html_without_link(other) == other);
    const std::string picture =
        "<div><p>Join online: <a href=\"" + shown + "\">x</a></p><img src=\"cid:1\"></div>";
    CHECK(html_without_link(picture) == "<div><img src=\"cid:1\"></div>");
}

TEST_CASE("a body of nothing but a mangled link is no body", "[unit][commands]")
{
    CHECK(without_link({body_format::html,
                        "<html><body><p>Join online: <a href=\"" + shown + "\">x</a></p></body></html>"},
                       url) == std::nullopt);
}

TEST_CASE("a mangled text loses the line of the link alone", "[unit][commands]")
{
    for (const auto* as :
         {"Join online: <https://meet.example/j/1?a=1&b=2>",
          "Join online: https://meet.example/j/1?a=1&b=2 <https://meet.example/j/1?a=1&b=2>"}) {
        const auto rest = without_link({body_format::text, std::string("Agenda\n") + as + "\nbye"}, url);
        CHECK(rest == event_body{body_format::text, "Agenda\nbye"});
    }
}

TEST_CASE("a new link replaces the one in a body that Outlook has rewritten, and clearing it leaves none",
          "[unit][commands]")
{
    const auto item = item_with(
        {body_format::html, "<p class=MsoNormal>Changed</p><p class=MsoNormal>Join online: <a href=\"" +
                                shown + "\">" + shown + "</a></p>"});
    CHECK(as_given(item).body == event_body{body_format::html, "<p class=MsoNormal>Changed</p>"});
    protocol::event_changes set;
    set.online_meeting_url = std::optional<std::string>("https://meet.example/new");
    const auto moved = fields_for_update(set, item);
    REQUIRE(moved.has_value());
    CHECK((*moved->body)->content.find("j/1") == std::string::npos);
    set.online_meeting_url = std::optional<std::string>{};
    const auto cleared = fields_for_update(set, item);
    REQUIRE(cleared.has_value());
    CHECK((*cleared->body)->content == "<p class=MsoNormal>Changed</p>");
}

TEST_CASE("no broken or hostile HTML stops the search for the link", "[unit][commands]")
{
    for (const auto* html : {"<", "<a", "<a href", "<a href=", "<!--", "<p", "</", "Join online:",
                             "<a href=\"x", "<a\thref='", "<p>Join online: <a href=>", "<div><p></div></p>"})
        CHECK_NOTHROW(html_without_link(html));
    std::string deep;
    for (int i = 0; i < 20000; ++i)
        deep += "<div>";
    deep += "Join online: <a href=\"" + shown + "\">x</a>";
    for (int i = 0; i < 20000; ++i)
        deep += "</div>";
    CHECK(html_without_link(deep).find("Join") == std::string::npos);
}
