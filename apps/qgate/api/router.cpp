// SPDX-License-Identifier: MIT
#include <cstring>

#include "apps/qgate/api/api.hpp"
#include "apps/qgate/json.hpp"

namespace quantumgate::qgate::api {
namespace {

struct Route {
  const char* method;
  const char* path;  // ending in '/': what follows is an argument
  void (*handler)(Service&, const control::Request&, ExchangePtr);
};

constexpr Route kRoutes[] = {
    {"GET", "/v1/status", status},
    {"POST", "/v1/invitation", invitation},
    {"POST", "/v1/privacy", privacy},
    {"GET", "/v1/peers", peers},
    {"POST", "/v1/peers/connect", peers_connect},
    {"DELETE", "/v1/peers/", peers_disconnect},
    {"POST", "/v1/chat/send", chat_send},
    {"GET", "/v1/chat/follow", chat_follow},
    {"POST", "/v1/chat/history", chat_history},
    {"POST", "/v1/chat/read", chat_read},
    {"POST", "/v1/chat/clear", chat_clear},
    {"POST", "/v1/files/send", files_send},
    {"POST", "/v1/files/receive", files_receive},
};

int status_of(ExitCode code) {
  switch (code) {
    case ExitCode::usage:
    case ExitCode::address:
      return 400;
    case ExitCode::not_connected:
      return 404;
    case ExitCode::exists:
    case ExitCode::transfer:
      return 409;
    case ExitCode::locked:
      return 423;
    case ExitCode::no_answer:
      return 504;
    default:
      return 500;
  }
}

}  // namespace

void refuse(control::Exchange& exchange, const Failure& failure) {
  exchange.reply(status_of(failure.code), to_text(error_json(failure)));
}

void refuse_stream(control::Exchange& exchange, const Failure& failure) {
  exchange.push(to_text(error_json(failure)));
  exchange.end();
}

control::Handler locked_router(LockedStatus status) {
  return [status = std::move(status)](const control::Request& request, const ExchangePtr& exchange) {
    if (request.method == "GET" && request.path == "/v1/status") return locked_status(status, *exchange);
    refuse(*exchange, {ExitCode::locked, "the node is locked: its key file is gone. Bring it back, and try again."});
  };
}

control::Handler router(Service& service) {
  return [&service](const control::Request& request, const ExchangePtr& exchange) {
    bool path_known = false;
    for (const Route& route : kRoutes) {
      const bool takes_argument = route.path[std::strlen(route.path) - 1] == '/';
      if (takes_argument ? !request.path.starts_with(route.path) : request.path != route.path) continue;
      path_known = true;
      if (request.method == route.method) return route.handler(service, request, exchange);
    }
    const Failure failure{ExitCode::usage, path_known ? "this path takes another method. See docs/spec/control.md."
                                                      : "no such path. See docs/spec/control.md."};
    exchange->reply(path_known ? 405 : 404, to_text(error_json(failure)));
  };
}

}  // namespace quantumgate::qgate::api
