// The compiled half of Boost, once: every other file sees declarations only (the definitions of
// BOOST_*_SEPARATE_COMPILATION and the source headers below go together).
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
#include <boost/json/src.hpp>
#include <boost/url/src.hpp>
