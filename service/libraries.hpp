// OpenSSL and libcurl, made ready for this process.
#pragma once

namespace relay::service {

// Both are global and not to be initialised by two threads at once: made before a command starts a second one, and kept
// until the last has ended.
class libraries {
public:
    libraries(); // throws std::runtime_error
    ~libraries();
    libraries(const libraries&) = delete;
    libraries& operator=(const libraries&) = delete;
};

} // namespace relay::service
