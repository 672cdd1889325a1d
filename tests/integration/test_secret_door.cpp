// What no password and no token can be is refused where it comes in, with a sentence, and never sent: sent, each try would
// count towards the directory's lock-out.
#include "tests/integration/scenario.hpp"

#include <fstream>

using namespace relay::test;

namespace {

using Catch::Matchers::Contains;

struct broken_secret {
    std::string_view what;
    std::string bytes;
    std::string_view sentence;
};

const std::vector<broken_secret>& broken_secrets()
{
    static const std::vector<broken_secret> all{
        {"a byte order mark", "\xef\xbb\xbfs3cret\n", "begins with a byte order mark"},
        {"UTF-16 as PowerShell writes it", std::string("\xff\xfes\0e\0c\0r\0e\0t\0\r\0\n\0", 18),
         "is UTF-16"},
        {"UTF-16 without a mark", std::string("s\0e\0c\0r\0e\0t\0", 12), "is UTF-16"},
        {"a second line break", "s3cret\n\n", "goes on after a line break"},
        {"a second line", "s3cret\r\n# of the service account\r\n", "goes on after a line break"},
        {"nothing", "", "is empty"},
        {"a line break alone", "\n", "is empty"},
    };
    return all;
}

std::string quoted(const fs::path& path)
{
    return "'" + path.string() + "'";
}

void write(const fs::path& file, std::string_view bytes)
{
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
}

world_options without_agent(configuration config = {})
{
    return {.config = std::move(config),
            .exchange_arguments = {},
            .cloud_arguments = {},
            .environment = {},
            .start_agent = false};
}

int sign_ins_seen(relay_world& w)
{
    const auto seen = at(w.exchange().get("/stats"), "/sign_ins");
    return at(seen, "/ok").to_number<int>() + at(seen, "/refused").to_number<int>();
}

// A start of the agent: what it says of the password, and that Exchange saw none.
void check_refused(scenario& w, const broken_secret& b,
                   const std::map<std::string, std::string>& environment = {})
{
    INFO(b.what);
    w.start_agent(environment);
    w.wait_connected();
    const auto r = w.call("connection.test", "", {});
    CHECK(outcome(r) == "auth_failed");
    CHECK_THAT(described(r), Contains("the password " + std::string(b.sentence)));
    CHECK(sign_ins_seen(w) == 0);
    REQUIRE(w.stop_agent() == 0);
}

// The command's standard input is `bytes`.
ended with_input(relay_world& w, std::string_view bytes, std::vector<std::string> words)
{
    write(w.folder() / "typed", bytes);
    std::vector<std::string> arguments{"-c", "exec \"$0\" \"$@\" < " + (w.folder() / "typed").string(),
                                       relay_program().string()};
    arguments.insert(arguments.end(), words.begin(), words.end());
    arguments.insert(arguments.end(), {"--config", w.config_file().string()});
    return run_to_end("/bin/sh", std::move(arguments));
}

} // namespace

TEST_CASE("a password file that PowerShell or an editor spoilt is told in a sentence, and costs no sign-in",
          "[integration][secrets]")
{
    scenario w(without_agent());
    for (const auto& b : broken_secrets()) {
        write(w.folder() / "exchange.password", b.bytes);
        check_refused(w, b);
    }
    const auto doctor = run_to_end(relay_program(), {"doctor", "--config", w.config_file().string()});
    CHECK_THAT(doctor.out, Contains("the password is empty"));
}

TEST_CASE("a password command or a systemd credential that gives a spoilt password costs no sign-in",
          "[integration][secrets]")
{
    scenario w(without_agent({{"exchange.password_file", ""}}));
    const auto place = w.folder() / "credentials";
    fs::create_directory(place);
    for (const auto& b : {broken_secrets()[0], broken_secrets()[3]}) {
        write(place / "exchange.password", b.bytes);
        w.configure(
            {{"exchange.password_command", "['/bin/cat', " + quoted(place / "exchange.password") + "]"}});
        check_refused(w, b);
        w.configure();
        check_refused(w, b, {{"CREDENTIALS_DIRECTORY", place.string()}});
    }
    w.configure({{"exchange.password_command", "['/bin/false']"}});
    check_refused(w, {"a command that fails", "", "cannot be had: the program that prints it"});
}

TEST_CASE("`secret set` refuses a spoilt password and keeps the one before it", "[integration][secrets]")
{
    scenario w(without_agent());
    write(w.folder() / "exchange.password", "the one before\n");
    for (const auto& b : broken_secrets()) {
        INFO(b.what);
        const auto e = with_input(w, b.bytes, {"secret", "set"});
        CHECK(e.code == 1);
        CHECK_THAT(e.err,
                   Contains("the password " + std::string(b.sentence)) && Contains("nothing is changed"));
        std::ifstream kept(w.folder() / "exchange.password");
        std::string line;
        CHECK((std::getline(kept, line) && line == "the one before"));
    }
}

TEST_CASE("a spoilt enrolment token is refused before the cloud sees it", "[integration][secrets]")
{
    scenario w(without_agent());
    const auto place = w.folder() / "fresh-pki";
    w.configure({{"cloud.certificate_file", quoted(place / "agent.crt")},
                 {"cloud.private_key_file", quoted(place / "agent.key")}});
    for (const auto& b : broken_secrets()) {
        INFO(b.what);
        // Nobody listens there: a token that got through would be told as that.
        const auto e = with_input(w, b.bytes, {"enroll", "--url", "https://localhost:1", "--token", "-"});
        CHECK(e.code == 2);
        CHECK_THAT(e.err, Contains("the token " + std::string(b.sentence)));
    }
    const auto from_environment = run_to_end(
        relay_program(), {"enroll", "--url", "https://localhost:1", "--config", w.config_file().string()},
        {{"WORKESTRA_ENROLL_TOKEN", "\xef\xbb\xbfs3cret"}});
    CHECK(from_environment.code == 2);
    CHECK_THAT(from_environment.err, Contains("the token begins with a byte order mark"));
}
