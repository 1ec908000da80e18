/** What the gateway itself says: its error envelope, its ids, and the headers that it puts on every answer. */

/** An error of the gateway's own, as AI Gateway writes it; a provider's errors keep the provider's shape. */
export interface GatewayError {
  status: number;
  code: number;
  message: string;
}

/** 2008 is AI Gateway's own number; where none is documented the HTTP status stands in. */
export const gatewayErrors = {
  invalidProvider: { status: 400, code: 2008, message: "Invalid provider" },
  notFound: {
    status: 404,
    code: 404,
    message: "There is nothing here. Calls go to /v1/{account}/{gateway}/{provider}/{endpoint}.",
  },
  foreign: {
    status: 403,
    code: 403,
    message: "This gateway answers programs of this machine only: no web pages, and no other host name.",
  },
  timeout: { status: 408, code: 408, message: "The provider did not answer within cf-aig-request-timeout." },
} as const satisfies Record<string, GatewayError>;

export function envelope(error: GatewayError): unknown {
  return {
    success: false,
    result: [],
    messages: [],
    error: [{ code: error.code, message: error.message }],
  };
}

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A ULID: ten characters of time, sixteen from the random part of a UUID. */
export function ulid(nowMs: number, uuid: string): string {
  let time = "";
  for (let rest = nowMs, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = CROCKFORD[rest % 32] + time;
  let random = "";
  for (let bits = BigInt(`0x${uuid.replaceAll("-", "")}`), i = 0; i < 16; i++, bits >>= 5n) {
    random = CROCKFORD[Number(bits & 31n)] + random;
  }
  return time + random;
}

/** Headers of every answer of a model. `eventId` is the caller's if it sent one. */
export function answerHeaders(logId: string, eventId: string): Record<string, string> {
  return {
    "cf-aig-log-id": logId,
    "cf-aig-event-id": eventId,
    "cf-aig-step": "0",
    "cf-aig-cache-status": "MISS",
  };
}
