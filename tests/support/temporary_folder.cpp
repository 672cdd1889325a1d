#include "tests/support/temporary_folder.hpp"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace relay::test {

temporary_folder::temporary_folder(const std::filesystem::path& within)
{
    auto name = (within / "workestra-relay-XXXXXX").string();
    if (!::mkdtemp(name.data()))
        throw std::runtime_error("cannot make a folder like " + name);
    path_ = name;
}

temporary_folder::~temporary_folder()
{
    if (std::getenv("RELAY_KEEP")) {
        std::fprintf(stderr, "kept: %s\n", path_.c_str());
        return;
    }
    std::error_code ignored; // what cannot be removed lies in the machine's folder for that
    std::filesystem::remove_all(path_, ignored);
}

} // namespace relay::test
