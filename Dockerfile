# Freisteller in a container: the program and the weights of its built-in engine, run by nobody in particular, with a
# root file system that may be read-only. docker-compose.yml shows how; docs/operations.md says what to mount.
#
#   docker build --tag freisteller .

FROM docker.io/library/python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY systemd systemd
COPY workflows workflows
COPY daemon daemon
# The same path as below: a virtual environment does not like to be moved.
RUN python -m venv /opt/freisteller \
    && /opt/freisteller/bin/pip install --no-cache-dir '.[local,heic,raw]' \
    && U2NET_HOME=/opt/freisteller/weights /opt/freisteller/bin/python -m daemon.engines.weights

FROM docker.io/library/python:3.13-slim
COPY --from=build /opt/freisteller /opt/freisteller
# The mount points; both must belong to the user that the container runs as.
RUN install -d -o 10001 -g 10001 /srv/freisteller /var/lib/freisteller
ENV PATH=/opt/freisteller/bin:$PATH \
    FREISTELLER__ROOT=/srv/freisteller \
    FREISTELLER__STATE_DIR=/var/lib/freisteller \
    U2NET_HOME=/opt/freisteller/weights \
    HOME=/tmp \
    NUMBA_CACHE_DIR=/tmp/numba \
    ORT_DISABLE_TELEMETRY=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
VOLUME ["/srv/freisteller", "/var/lib/freisteller"]
EXPOSE 9108
# Alive: the loops turn. Not whether an engine or the share is there, for a restart would not bring them back.
HEALTHCHECK --interval=30s --timeout=10s --start-period=2m --retries=3 CMD ["freisteller", "health"]
# SIGTERM finishes or hands back what runs, SIGHUP reads the settings anew.
STOPSIGNAL SIGTERM
ENTRYPOINT ["freisteller"]
CMD ["run"]
