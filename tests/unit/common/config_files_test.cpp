#include "common/config/file_rules.hpp"
#include "common/config/load.hpp"

#include <catch2/catch.hpp>

#include <fstream>

#ifndef _WIN32
#include <unistd.h>

using namespace relay::config;
namespace fs = std::filesystem;

namespace {

// A folder of its own for one test case.
class scratch {
public:
    scratch()
    {
        std::string name = (fs::temp_directory_path() / "relay-config-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        folder_ = name;
    }
    ~scratch() { fs::remove_all(folder_); }

    fs::path write(const char* name, std::string_view text, fs::perms mode = fs::perms(0600)) const
    {
        auto file = folder_ / name;
        std::ofstream(file, std::ios::binary) << text;
        fs::permissions(file, mode);
        return file;
    }
    const fs::path& folder() const { return folder_; }

private:
    fs::path folder_;
};

mistakes wrong(const fs::path& file, file_check files = file_check::permissions)
{
    const auto loaded = load(file, {}, purpose::run, files);
    return loaded.has_value() ? mistakes{} : loaded.error();
}

constexpr std::string_view configuration = R"([agent]
data_dir = "state"
[cloud]
url = "wss://relay.example/v1/connect"
private_key_file = "agent.key"
[exchange]
url = "https://mail.corp.example/EWS/Exchange.asmx"
username = "svc"
password_file = "password"
)";

} // namespace

TEST_CASE("a file that cannot be read is told as that", "[unit][config]")
{
    const scratch s;
    const auto absent = wrong(s.folder() / "none.toml");
    REQUIRE(absent.size() == 1);
    CHECK(format(absent[0], "a.toml") == "a.toml: cannot be read: No such file or directory");
    REQUIRE(wrong(s.folder()).size() == 1);
    CHECK(wrong(s.folder())[0].message == "is a folder, not a file");
}

TEST_CASE("a password or CA file that is not there is a mistake where the agent is to run", "[unit][config]")
{
    const scratch s;
    const auto file = s.write("agent.toml", std::string(configuration) + "ca_file = \"corp-ca.crt\"\n");
    const auto found = wrong(file);
    REQUIRE(found.size() == 2);
    CHECK(format(found[0], "a.toml")
              .find("exchange.password_file: " + (s.folder() / "password").string() + " does not exist") !=
          std::string::npos);
    CHECK(format(found[1], "a.toml")
              .find("exchange.ca_file: " + (s.folder() / "corp-ca.crt").string() + " does not exist") !=
          std::string::npos);
    CHECK(load(file, {}, purpose::enroll).has_value());
}

TEST_CASE("a configuration of more than 1 MiB is refused", "[unit][config]")
{
    const scratch s;
    s.write("password", "x");
    const std::string comment(1'048'577 - configuration.size() - 1, '#');
    CHECK(wrong(s.write("big.toml", std::string(configuration) + "\n" + comment))[0].message ==
          "is larger than 1 MiB");
    CHECK(wrong(s.write("most.toml", std::string(configuration) + comment)).empty());
}

TEST_CASE("secrets that others can read are refused, with the line that names them", "[unit][config]")
{
    const scratch s;
    const auto file = s.write("agent.toml", configuration);
    s.write("password", "x", fs::perms(0640));
    s.write("agent.key", "x", fs::perms(0604));
    const auto both = wrong(file);
    REQUIRE(both.size() == 2);
    CHECK(both[0].line == 5);
    CHECK(both[0].key == "cloud.private_key_file");
    CHECK(both[0].message ==
          (s.folder() / "agent.key").string() +
              " can be read or changed by others than its owner (mode 0604); run: chmod 0600");
    CHECK(both[1].line == 9);
    CHECK(wrong(file, file_check::none).empty());
    fs::permissions(s.folder() / "password", fs::perms(0400));
    fs::permissions(s.folder() / "agent.key", fs::perms(0600));
    CHECK(wrong(file).empty());
}

TEST_CASE("a link is judged by the file it leads to", "[unit][config]")
{
    const scratch s;
    fs::create_symlink(s.write("open", "x", fs::perms(0644)), s.folder() / "password");
    CHECK_FALSE(secret_file_mistake(s.folder() / "password").empty());
    CHECK_FALSE(secret_file_mistake(s.folder()).empty()); // no file at all
    CHECK(secret_file_mistake(s.folder() / "absent").empty());
}

TEST_CASE("systemd's credentials show the mask of their access list as group bits", "[unit][config]")
{
    CHECK(secret_mode_mistake(0440, true).empty());
    CHECK_FALSE(secret_mode_mistake(0444, true).empty());
    CHECK_FALSE(secret_mode_mistake(0440, false).empty());
    CHECK(secret_mode_mistake(0600, false).empty());
}

TEST_CASE("relative paths start at the configuration file", "[unit][config]")
{
    const scratch s;
    s.write("password", "x");
    const auto loaded = load(s.write("agent.toml", configuration), {});
    REQUIRE(loaded.has_value());
    CHECK(loaded->agent.data_dir == s.folder() / "state");
    CHECK(loaded->cloud.private_key_file == s.folder() / "agent.key");
    CHECK(loaded->cloud.certificate_file == s.folder() / "state" / "pki" / "agent.crt");
    CHECK(loaded->exchange.password_file == s.folder() / "password");
    CHECK(loaded->exchange.ca_file.empty());
}
#endif
