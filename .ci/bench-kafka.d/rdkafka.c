/*
 * The yardstick: what librdkafka does with the same work. Not part of any program; the benchmark
 * compiles it into a temporary folder.
 *
 *   rdkafka create|delete|produce|consume|one-at-a-time --brokers HOST:PORT --topic NAME
 *           [--partitions N] [--records N] [--size BYTES] [--group NAME] [-X PROPERTY=VALUE]...
 *
 * Everything is librdkafka's default unless -X says otherwise. A measured mode prints one line of
 * JSON; its clock runs from the first record handed over, or read, to the last one acknowledged, or
 * read.
 */
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ENOUGH_MS 30000
#define WARM_UP 200
#define BATCH 1000
#define MAX_VALUE 1000000

static const char *mode, *topic, *group;
static long partitions = 1, records = 1000, size = 200;
static rd_kafka_conf_t *conf;

static void fail(const char *form, ...) {
    va_list rest;
    va_start(rest, form);
    fprintf(stderr, "rdkafka: ");
    vfprintf(stderr, form, rest);
    fprintf(stderr, "\n");
    va_end(rest);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void set(const char *name, const char *value) {
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        fail("%s", why);
}

static rd_kafka_t *start(rd_kafka_type_t type) {
    char why[256];
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (!rk)
        fail("%s", why);
    return rk;
}

/* Delivery reports. */

static long delivered;

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    (void)rk, (void)opaque;
    if (message->err)
        fail("not delivered: %s", rd_kafka_err2str(message->err));
    delivered++;
}

static void hand_over(rd_kafka_t *rk, rd_kafka_topic_t *rkt, char *value) {
    while (rd_kafka_produce(rkt, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, size, NULL, 0,
                            NULL)) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            fail("not taken: %s", rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_poll(rk, 100);
    }
}

static void produce(void) {
    static char value[MAX_VALUE];
    memset(value, 'x', size);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *rk = start(RD_KAFKA_PRODUCER);
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
    /* The first one opens connections. */
    hand_over(rk, rkt, value);
    while (delivered < 1)
        rd_kafka_poll(rk, 100);
    delivered = 0;
    double began = now();
    for (long n = 0; n < records; n++) {
        hand_over(rk, rkt, value);
        if (n % 100 == 0)
            rd_kafka_poll(rk, 0);
    }
    while (delivered < records)
        rd_kafka_poll(rk, 100);
    printf("{\"records\": %ld, \"seconds\": %.6f}\n", records, now() - began);
    rd_kafka_topic_destroy(rkt);
    rd_kafka_destroy(rk);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void one_at_a_time(void) {
    static char value[MAX_VALUE];
    memset(value, 'x', size);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *rk = start(RD_KAFKA_PRODUCER);
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
    double *took = calloc(records, sizeof *took);
    for (long n = -WARM_UP; n < records; n++) {
        long before = delivered;
        double began = now();
        hand_over(rk, rkt, value);
        while (delivered == before)
            rd_kafka_poll(rk, 1000);
        if (n >= 0)
            took[n] = now() - began;
    }
    qsort(took, records, sizeof *took, by_size);
    printf("{\"records\": %ld, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", records,
           took[records / 2] * 1e6, took[records * 99 / 100] * 1e6);
    free(took);
    rd_kafka_topic_destroy(rkt);
    rd_kafka_destroy(rk);
}

static void consume(void) {
    set("group.id", group ? group : "rdkafka");
    set("auto.offset.reset", "earliest");
    rd_kafka_t *rk = start(RD_KAFKA_CONSUMER);
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    double subscribed = now(), began = 0, deadline = subscribed + ENOUGH_MS / 1e3;
    rd_kafka_subscribe(rk, topics);
    rd_kafka_message_t *batch[BATCH];
    long seen = 0, bytes = 0;
    while (seen < records) {
        ssize_t count = rd_kafka_consume_batch_queue(queue, 100, batch, BATCH);
        if (count > 0 && seen == 0)
            began = now();
        if (now() > deadline)
            fail("only %ld of %ld records came", seen, records);
        for (ssize_t n = 0; n < count; n++) {
            if (batch[n]->err && batch[n]->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
                fail("not read: %s", rd_kafka_message_errstr(batch[n]));
            if (!batch[n]->err) {
                seen++;
                bytes += batch[n]->len;
            }
            rd_kafka_message_destroy(batch[n]);
        }
        if (count > 0)
            deadline = now() + ENOUGH_MS / 1e3;
    }
    double ended = now();
    if (bytes < seen * size)
        fail("%ld records of %ld bytes in all", seen, bytes);
    printf("{\"records\": %ld, \"seconds\": %.6f, \"joined\": %.6f}\n", seen, ended - began,
           began - subscribed);
    rd_kafka_topic_partition_list_destroy(topics);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

/* Topics. */

static void check(const rd_kafka_topic_result_t **results, size_t count, rd_kafka_event_t *event) {
    if (rd_kafka_event_error(event))
        fail("%s", rd_kafka_event_error_string(event));
    for (size_t n = 0; n < count; n++)
        if (rd_kafka_topic_result_error(results[n]))
            fail("%s: %s", topic, rd_kafka_topic_result_error_string(results[n]));
}

static void until_led(rd_kafka_t *rk) {
    double deadline = now() + ENOUGH_MS / 1e3;
    for (int led = 0; led < partitions;) {
        rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
        const struct rd_kafka_metadata *metadata;
        if (!rd_kafka_metadata(rk, 0, rkt, &metadata, 5000)) {
            led = 0;
            for (int n = 0; n < metadata->topics[0].partition_cnt; n++)
                led += metadata->topics[0].partitions[n].leader >= 0;
            rd_kafka_metadata_destroy(metadata);
        }
        rd_kafka_topic_destroy(rkt);
        if (now() > deadline)
            fail("%s has no leaders", topic);
    }
}

static void create(void) {
    char why[256];
    rd_kafka_t *rk = start(RD_KAFKA_PRODUCER);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(topic, partitions, 1, why, sizeof why);
    if (!wanted)
        fail("%s", why);
    /* Deleted topics leave the disk soon, not after a minute. */
    rd_kafka_NewTopic_set_config(wanted, "file.delete.delay.ms", "1000");
    rd_kafka_CreateTopics(rk, &wanted, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ENOUGH_MS);
    if (!event)
        fail("no answer");
    size_t count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    check(results, count, event);
    until_led(rk);
    rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy(wanted);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
}

static void delete(void) {
    rd_kafka_t *rk = start(RD_KAFKA_PRODUCER);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DeleteTopic_t *unwanted = rd_kafka_DeleteTopic_new(topic);
    rd_kafka_DeleteTopics(rk, &unwanted, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ENOUGH_MS);
    if (!event)
        fail("no answer");
    size_t count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    check(results, count, event);
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteTopic_destroy(unwanted);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
}

static long number(const char *name, const char *text, long most) {
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || value < 1 || value > most)
        fail("%s must be 1 to %ld", name, most);
    return value;
}

static void property(const char *text) {
    char name[128];
    const char *equals = strchr(text, '=');
    if (!equals || equals - text >= (long)sizeof name)
        fail("-X takes PROPERTY=VALUE");
    memcpy(name, text, equals - text);
    name[equals - text] = 0;
    set(name, equals + 1);
}

int main(int count, char **words) {
    conf = rd_kafka_conf_new();
    mode = count > 1 ? words[1] : "";
    for (int n = 2; n < count; n += 2) {
        const char *name = words[n], *value = n + 1 < count ? words[n + 1] : NULL;
        if (!value)
            fail("%s needs a value", name);
        if (!strcmp(name, "--brokers"))
            set("bootstrap.servers", value);
        else if (!strcmp(name, "--topic"))
            topic = value;
        else if (!strcmp(name, "--group"))
            group = value;
        else if (!strcmp(name, "--partitions"))
            partitions = number(name, value, 1000);
        else if (!strcmp(name, "--records"))
            records = number(name, value, 1000000000);
        else if (!strcmp(name, "--size"))
            size = number(name, value, MAX_VALUE);
        else if (!strcmp(name, "-X"))
            property(value);
        else
            fail("%s is unknown", name);
    }
    if (!topic)
        fail("--topic is needed");
    signal(SIGPIPE, SIG_IGN);
    if (!strcmp(mode, "produce"))
        produce();
    else if (!strcmp(mode, "consume"))
        consume();
    else if (!strcmp(mode, "one-at-a-time"))
        one_at_a_time();
    else if (!strcmp(mode, "create"))
        create();
    else if (!strcmp(mode, "delete"))
        delete();
    else
        fail("the mode is produce, consume, one-at-a-time, create or delete");
    return 0;
}
