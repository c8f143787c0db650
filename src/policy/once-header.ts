/** The request header in which a gateway tells the next hop what the request was charged for. */
export const ONCE_HEADER = "x-weir-once";
